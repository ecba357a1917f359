// The compare page. Its address says what is compared: models=…,…&battery=…&seed=…&paired=1.
"use strict";

(() => {
  const { chooser, comparison, comparisonTables: tables, csv, table: { make } } = nonsingular;
  const find = (selector) => document.querySelector(selector);
  const SLUG = /^[a-z0-9-]{1,200}$/;

  const read = () => {
    const query = new URLSearchParams(location.hash.slice(1));
    const slugs = (query.get("models") ?? "").split(",").filter(Boolean);
    return { slugs: [...new Set(slugs)], battery: query.get("battery"), seed: query.get("seed"), paired: query.has("paired") };
  };

  // Every change is an entry in the history, so that going back undoes it.
  const go = ({ slugs, battery, seed, paired }) => {
    const parts = [slugs.length ? `models=${slugs.map(encodeURIComponent).join(",")}` : ""];
    if (slugs.length && battery) parts.push(`battery=${encodeURIComponent(battery)}`);
    if (slugs.length && seed) parts.push(`seed=${encodeURIComponent(seed)}`);
    if (paired) parts.push("paired=1");
    location.hash = parts.filter(Boolean).join("&");
  };

  const short = (text) => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

  class ComparePage {
    constructor(index) {
      this.index = index;
      this.turn = 0;
      this.shown = null;
      this.chooser = new chooser.Chooser(find(".chooser"), index, (slugs) => go({ ...read(), slugs }));
      find(".chooser").hidden = false;
      window.addEventListener("hashchange", () => this.draw());
      find("[name=evaluation]").addEventListener("change", (event) => {
        const { board, seed } = this.options[event.target.selectedIndex];
        go({ ...read(), battery: board.name, seed: seed === null ? null : String(seed) });
      });
      find("[name=paired]").addEventListener("change", (event) => go({ ...read(), paired: event.target.checked }));
      find(".copy").addEventListener("click", () => this.copy());
      find(".download").addEventListener("click", () => csv.download("comparison.csv", this.lines()));
    }

    async draw() {
      const turn = this.turn += 1;
      const asked = read();
      const known = asked.slugs.filter((slug) => SLUG.test(slug) && this.chooser.knows(slug));
      const slugs = known.slice(0, chooser.MAX_MODELS);
      const problems = asked.slugs.filter((slug) => !known.includes(slug)).map((slug) =>
        `The address names “${short(slug)}”, and no model of this site has that name; search for it below.`);
      if (known.length > slugs.length) {
        problems.push(`At most ${chooser.MAX_MODELS} models can be compared; left out: ${short(known.slice(slugs.length).join(", "))}.`);
      }
      this.chooser.show(slugs);
      let comparable = null;
      if (slugs.length >= 2) {
        try {
          const models = await Promise.all(slugs.map((slug) => nonsingular.load(`models/${slug}/compare.js`, `compare/${slug}`)));
          comparable = models.map((model, place) => ({ ...model, slug: slugs[place] }));
        } catch (error) {
          problems.push(`The results cannot be read: ${error.message}.`);
        }
        if (turn !== this.turn) return; // another address was chosen while these were read
      } else if (slugs.length === 1) problems.push("One model is chosen; add another to compare it with.");
      const shown = comparable && this.compare(comparable, asked, problems);
      find("#comparison").hidden = !shown;
      find(".messages").replaceChildren(...problems.map((text) => make("p", "", text)));
      document.title = shown ? `${comparable.map((model) => model.name).join(" · ")} · nonsingular` : "Compare models · nonsingular";
      document.body.dataset.drawn = location.hash;
    }

    // Draws the comparison; false, with the reason among the problems, if there is none.
    compare(models, asked, problems) {
      this.options = comparison.common(models, this.index.boards);
      if (!this.options.length) {
        problems.push(`These models have no common battery and examples. ${models.map((model) => this.had(model)).join(" ")}`);
        return false;
      }
      const fits = (option) => option.board.name === asked.battery && (!asked.seed || String(option.seed) === asked.seed);
      const option = this.options.find(fits)
        ?? this.options.find(({ board }) => board.name === asked.battery) ?? this.options[0];
      if (asked.battery && option.board.name !== asked.battery) {
        problems.push(`These models have no common results on “${short(asked.battery)}”; shown is ${option.label}.`);
      }
      const scores = comparison.scores(option, this.index.probes);
      const budgets = comparison.budgets(option, this.index.probes);
      this.shown = { models, option, scores, budgets };
      this.fill(models, option, scores, budgets, asked.paired);
      return true;
    }

    had(model) {
      const keys = new Set(model.evaluations.map((each) => each.key));
      const boards = this.index.boards.filter((board) => keys.has(board.key))
        .map((board) => `${board.battery} (${comparison.numbers(board.examples, "example")})`);
      return `${model.name}: ${boards.join(", ") || "nothing on test data"}.`;
    }

    fill(models, option, scores, budgets, paired) {
      const [first, ...others] = models;
      const choice = find("[name=evaluation]");
      choice.replaceChildren(...this.options.map(({ label }) => make("option", "", label)));
      choice.selectedIndex = this.options.indexOf(option);
      find("[name=paired]").checked = paired;
      find("#compared").textContent = `${others.map((model) => model.name).join(", ")} against ${first.name}`;
      find(".battery-link").href = option.board.page;
      find(".tally").replaceChildren(...others.map((model, place) => this.sentence(model, first, scores, place + 1)));
      const kept = scores.filter((row) => !paired || row.effects.some(Boolean));
      const profile = comparison.profile(option, this.index.profile);
      this.put(".cards-here", true, () => tables.cards(models));
      this.put(".profile-here", profile.length, () => tables.profile(profile, models));
      this.put(".scores-here", kept.length, () => tables.differences("Score", kept, models));
      this.put(".budgets-here", budgets.length, () => tables.differences("Budget", budgets, models));
    }

    put(place, any, makeTable) {
      const element = find(place);
      element.closest("section").hidden = !any;
      element.replaceChildren(...(any ? [makeTable()] : []));
    }

    sentence(model, first, scores, place) {
      const { better, worse, undecided, all } = comparison.tally(scores, place);
      if (!all) return make("li", "", `${model.name}: no outcomes to pair with those of ${first.name}.`);
      return make("li", "", `${model.name} is better than ${first.name} on ${better} and worse on ${worse} of ${comparison.numbers(all, "score")} with paired outcomes; on ${undecided} they cannot be distinguished.`);
    }

    async copy() {
      const status = find(".copied");
      const field = find(".address");
      try {
        await navigator.clipboard.writeText(location.href);
        status.textContent = "Copied.";
      } catch { // no permission, or no clipboard at all
        field.hidden = false;
        field.value = location.href;
        field.select();
        status.textContent = "The address is selected; copy it from here.";
      }
    }

    // One line per score and model, with the difference from the baseline if there is one.
    lines() {
      const { models, option, scores, budgets } = this.shown;
      const head = ["battery", "probe", "score", "unit", "model", "value", "low", "high", "n", "baseline", "difference", "difference_low", "difference_high", "p", "gained", "lost", "verdict"];
      const linesOf = (row) => row.cells.flatMap((cell, place) => {
        if (!cell) return [];
        const effect = row.effects[place];
        const own = [option.board.battery, row.group, row.label, row.unit, models[place].name];
        const numbers = [cell.value ?? cell.text, cell.low, cell.high, cell.n];
        const paired = effect
          ? [models[0].name, effect.value, effect.low, effect.high, effect.p, effect.gained, effect.lost, effect.verdict]
          : Array(8).fill(null);
        return [[...own, ...numbers, ...paired]];
      });
      return [head, ...[...scores, ...budgets].flatMap(linesOf)];
    }
  }

  nonsingular.load("models/index.js", "models")
    .then((index) => new ComparePage(index).draw())
    .catch((error) => find(".messages").replaceChildren(make("p", "", `The list of models cannot be read: ${error.message}.`)));
})();
