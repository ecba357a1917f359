// Choosing models by name among all models of a site, and the buttons of the chosen ones.
"use strict";

nonsingular.chooser = (() => {
  const { make } = nonsingular.table;
  const MAX_MODELS = 4;
  const SUGGESTIONS = 20;

  class Chooser {
    // `changed` is called with the new list of slugs, the baseline first.
    constructor(section, index, changed) {
      this.index = index;
      this.changed = changed;
      this.places = new Map(index.slugs.map((slug, place) => [slug, place]));
      this.texts = index.names.map((name, place) => `${name}\n${index.slugs[place]}`.toLowerCase());
      const counts = new Map();
      for (const name of index.names) counts.set(name, (counts.get(name) ?? 0) + 1);
      this.shared = (name) => counts.get(name) > 1;
      this.field = section.querySelector("input");
      this.list = section.querySelector(".suggestions");
      this.status = section.querySelector(".count");
      this.chips = section.querySelector(".chosen");
      this.slugs = [];
      this.field.addEventListener("input", () => this.suggest());
      section.querySelector("form").addEventListener("submit", (event) => {
        event.preventDefault();
        if (this.field.value.trim()) this.list.querySelector("button")?.click();
      });
    }

    knows(slug) {
      return this.places.has(slug);
    }

    // The name, with the folder if several models have the same name.
    label(place) {
      const name = this.index.names[place];
      return this.shared(name) ? `${name} (${this.index.slugs[place]})` : name;
    }

    show(slugs) {
      this.slugs = slugs;
      this.chips.replaceChildren(...slugs.map((slug, position) => this.chip(slug, position)));
      this.suggest();
    }

    button(text, name, changed) {
      const button = make("button", "", text);
      button.type = "button";
      button.append(make("span", "unseen", ` ${name}`));
      button.addEventListener("click", () => {
        // Pressed buttons go away with the old chips; the field stays.
        this.field.focus();
        this.changed(changed());
      });
      return button;
    }

    chip(slug, position) {
      const name = this.label(this.places.get(slug));
      const others = this.slugs.filter((other) => other !== slug);
      const chip = make("li");
      chip.append(make("span", "name", name));
      if (position) chip.append(" ", this.button("Make baseline", name, () => [slug, ...others]));
      else chip.append(" ", make("small", "", "baseline"));
      chip.append(" ", this.button("Remove", name, () => others));
      return chip;
    }

    // Models whose names contain every word, and that share a board with all chosen ones.
    matches() {
      const words = this.field.value.toLowerCase().split(/\s+/).filter(Boolean);
      const chosen = this.slugs.map((slug) => this.places.get(slug));
      const boards = new Set(this.index.boards.keys());
      for (const place of chosen) {
        for (const board of boards) if (!this.index.on[place].includes(board)) boards.delete(board);
      }
      const [fitting, incomparable] = [[], []];
      this.texts.forEach((text, place) => {
        if (chosen.includes(place) || !words.every((word) => text.includes(word))) return;
        const fits = !chosen.length || this.index.on[place].some((board) => boards.has(board));
        (fits ? fitting : incomparable).push(place);
      });
      return { fitting, incomparable };
    }

    suggest() {
      const full = this.slugs.length >= MAX_MODELS;
      this.field.disabled = full;
      if (full) {
        this.list.replaceChildren();
        this.status.textContent = `At most ${MAX_MODELS} models can be compared; remove one to add another.`;
        return;
      }
      const { fitting, incomparable } = this.matches();
      const shown = this.field.value.trim() || this.slugs.length < 2 ? fitting.slice(0, SUGGESTIONS) : [];
      this.list.replaceChildren(...shown.map((place) => {
        const item = make("li");
        item.append(this.button("Add", this.label(place), () => {
          this.field.value = "";
          return [...this.slugs, this.index.slugs[place]];
        }));
        item.firstChild.replaceChildren(make("span", "unseen", "Add "), this.label(place));
        return item;
      }));
      this.status.textContent = this.words(fitting.length, incomparable.length, shown.length);
    }

    words(fitting, incomparable, shown) {
      const asked = Boolean(this.field.value.trim());
      if (!asked && this.slugs.length >= 2) return "Type a part of a name to add another model.";
      const count = fitting.toLocaleString("en");
      const first = shown < fitting ? `; the first ${shown} are shown` : "";
      const parts = [`${fitting ? count : "No"} model${fitting === 1 ? "" : "s"} ${asked ? "found" : "to choose from"}${first}.`];
      if (incomparable) parts.push(`${incomparable.toLocaleString("en")} more ${incomparable === 1 ? "has" : "have"} no common battery and examples.`);
      return parts.join(" ");
    }
  }

  return { Chooser, MAX_MODELS };
})();
