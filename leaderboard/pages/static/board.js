// The boards: search, filters, columns, order, a reader's own threat set. By default rows are sorted by rank.
"use strict";

(() => {
  const { address, choice, columns, table: rows, threats } = nonsingular;
  const { make } = rows;

  // A browser that draws no frames, such as one without a window, is never idle: it gets a second.
  const later = (work) => (window.requestIdleCallback ? requestIdleCallback(work, { timeout: 1000 }) : setTimeout(work, 50));

  class Board {
    constructor(section) {
      this.section = section;
      this.name = section.dataset.board;
      this.page = Number(section.dataset.page);
      this.entry = section.dataset.entry;
      this.table = section.querySelector("table.models");
      this.head = this.table.tHead.rows[0];
      this.picked = new Set();
      this.sort = { key: "rank", descending: false };
      this.shown = this.page;
      this.own = null;
      this.orders = new Map();
      this.templates = rows.templatesOf(section, this.keys());
      this.headings().forEach((heading) => this.makeSortable(heading));
      const entries = address.of(this.name);
      if (Object.keys(entries).length) {
        this.section.scrollIntoView();
        this.ready().then(() => this.restore(entries)).catch((error) => this.say(error.message));
      } else {
        // The data can be large, so it is read when the page is drawn, or when a reader turns to the controls.
        const ready = () => this.ready().catch((error) => this.say(error.message));
        later(ready);
        for (const event of ["focusin", "pointerdown"]) this.find(".controls").addEventListener(event, ready, { once: true });
      }
    }

    headings() {
      return [...this.head.cells];
    }

    keys() {
      return this.headings().map((heading) => heading.dataset.key);
    }

    find(selector) {
      return this.section.querySelector(selector);
    }

    say(text) {
      this.find(".count").textContent = text;
    }

    // Loads the data and makes the controls, once.
    ready() {
      this.loading ??= nonsingular.load(`boards/${this.name}.js`, this.name).then((data) => {
        this.data = data;
        this.texts = choice.haystack(data);
        this.makeControls();
        this.addPicks();
        this.draw();
        this.section.dataset.ready = "";
        this.prepare(this.headings().filter((heading) => heading.dataset.kind));
      });
      return this.loading;
    }

    makeSortable(heading) {
      if (!heading.dataset.kind) return;
      const button = make("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => this.ready().then(() => {
        const key = heading.dataset.key;
        const descending = this.sort.key === key ? !this.sort.descending : heading.dataset.first === "descending";
        this.sort = { key, descending };
        this.changed();
      }));
    }

    makeControls() {
      const form = this.find(".find");
      [...form.querySelectorAll("select")].forEach((select, place) => {
        const fact = choice.filters(this.data)[place];
        const counts = fact.names.map(() => 0);
        for (const code of fact.of) counts[code] += 1;
        fact.names.forEach((name, code) => {
          const option = make("option", "", `${name} (${counts[code]})`);
          option.value = name;
          select.append(option);
        });
        select.closest("label").hidden = fact.names.length < 2;
      });
      form.addEventListener("submit", (event) => event.preventDefault());
      form.addEventListener("input", () => this.changed());
      form.addEventListener("reset", () => setTimeout(() => this.changed()));
      this.columns = new columns.Columns(this.find(".columns"), this.headings(), () => this.changed());
      this.makeThreats();
      this.find(".against").addEventListener("submit", (event) => {
        event.preventDefault();
        const slugs = [...this.picked].map((row) => this.data.pages[row].split("/").at(-2));
        location.href = `compare.html#${new URLSearchParams({ models: slugs.join(","), battery: this.name })}`;
      });
      this.table.tBodies[0].addEventListener("change", (event) => this.pick(event.target));
      const more = this.more = make("button", "show-more");
      more.type = "button";
      more.addEventListener("click", () => {
        this.shown += this.page;
        this.draw();
      });
      this.table.parentElement.after(more);
      this.find(".without-script")?.parentElement.remove();
    }

    makeThreats() {
      const panel = this.find(".threats");
      if (!panel) return;
      panel.addEventListener("change", () => this.rankByThreats().catch((error) => this.say(error.message)));
      panel.querySelector(".undo").addEventListener("click", () => {
        for (const box of panel.querySelectorAll("[name=threat]")) box.checked = "chosen" in box.dataset;
        panel.querySelector('.rank-by [value="worst"]').checked = true;
        this.setOwn(null);
        this.sort = { key: "rank", descending: false };
        this.changed();
      });
    }

    ticked() {
      return [...this.section.querySelectorAll("[name=threat]:checked")].map((box) => box.value);
    }

    async rankByThreats() {
      const payload = await nonsingular.load(`boards/${this.name}-outcomes.js`, `${this.name}-outcomes`);
      // What is ticked now, not when the data was asked for.
      const keys = this.ticked();
      if (!keys.length) {
        this.setOwn(null);
        this.changed();
        this.say("Tick at least one threat.");
        return;
      }
      const by = this.find(".rank-by input:checked").value;
      const own = threats.evaluate(payload, keys, by, this.data.names.length, this.data.texts.absent);
      own.place = (row) => this.placed(own.placeOf(row));
      for (const column of [own.worst, own.average]) {
        column.n = payload.n;
        column.marks = column.values.map(() => "");
      }
      this.setOwn(own);
      this.sort = { key: "rank", descending: false };
      this.changed();
    }

    // A rank and what it says, with the texts that the package has for the board's own.
    placed(place) {
      if (!place) return [null, ""];
      const { texts, names } = this.data;
      const count = (number) => number.toLocaleString("en");
      const near = place.nearest.map((row) => names[row]).join(", ");
      return [place.text, rows.fill(texts.place, {
        others: count(place.others),
        better: count(place.better),
        worse: count(place.worse),
        tied: count(place.tied),
        nearest: near ? rows.fill(texts.nearest, { names: near }) : "",
        widened: place.widened ? texts.widened : "",
      })];
    }

    // Two more columns while models are ranked by a reader's own threat set.
    setOwn(own) {
      const there = this.headings().some((heading) => heading.dataset.key === "worst");
      if (own && !there) {
        const after = this.headings().find((heading) => heading.dataset.key === "model");
        const added = [["worst", "Worst case"], ["average", "Average"]].map(([key, text]) => {
          const heading = make("th", "number", text);
          Object.assign(heading.dataset, { key, kind: "number", first: "descending" });
          heading.scope = "col";
          this.makeSortable(heading);
          return heading;
        });
        after.after(...added);
      } else if (!own && there) {
        this.headings().filter((heading) => ["worst", "average"].includes(heading.dataset.key))
          .forEach((heading) => heading.remove());
      }
      this.own = own;
    }

    addPicks() {
      const heading = make("th", "pick");
      heading.scope = "col";
      heading.dataset.key = "pick";
      heading.append(make("span", "unseen", "Compare"));
      this.head.prepend(heading);
    }

    pick(box) {
      if (!box.closest(".pick")) return;
      if (box.checked) this.picked.add(Number(box.value));
      else this.picked.delete(Number(box.value));
      const button = this.find(".against button");
      const enough = this.picked.size >= 2 && this.picked.size <= 4;
      button.disabled = !enough;
      button.textContent = enough ? `Compare ${this.picked.size} models` : "Compare 2 to 4 ticked models";
    }

    changed() {
      this.shown = this.page;
      this.draw();
      const form = new FormData(this.find(".find"));
      const facets = [...form.keys()].filter((key) => key !== "q");
      const usual = this.sort.key === "rank" && !this.sort.descending;
      address.write(this.name, {
        q: form.get("q"),
        ...Object.fromEntries(facets.map((key) => [key, form.get(key)])),
        sort: usual ? "" : `${this.sort.descending ? "-" : ""}${this.sort.key}`,
        ...this.columns.entries(),
        threats: this.own ? this.own.keys.join(",") : "",
        by: this.own && this.own.by === "average" ? "average" : "",
      });
    }

    // A shared view; what does not exist here is ignored.
    async restore(entries) {
      const form = this.find(".find");
      for (const field of form.elements) {
        if (field.name && entries[field.name] !== undefined) field.value = entries[field.name];
        if (field.tagName === "SELECT" && field.selectedIndex < 0) field.value = "";
      }
      this.columns.restore(entries);
      if (entries.threats) {
        const keys = entries.threats.split(",");
        for (const box of this.section.querySelectorAll("[name=threat]")) box.checked = keys.includes(box.value);
        const by = this.find(`.rank-by input[value="${entries.by === "average" ? "average" : "worst"}"]`);
        by.checked = true;
        this.find(".threats").open = true;
        if (this.ticked().length) await this.rankByThreats();
      }
      const key = (entries.sort ?? "").replace(/^-/, "");
      if (this.keys().includes(key)) this.sort = { key, descending: entries.sort.startsWith("-") };
      this.draw();
      this.section.scrollIntoView();
    }

    // Indices of all rows in an order; cached, since a reader returns to the same few orders.
    order(key, descending) {
      const sorted = () => choice.order(
        choice.keysOf(this.data, key, this.own) ?? choice.keysOf(this.data, "rank", this.own), descending);
      if (this.own) return sorted();
      const name = `${key} ${descending}`;
      if (!this.orders.has(name)) this.orders.set(name, sorted());
      return this.orders.get(name);
    }

    // Computes the orders of a first click, one whenever the page is idle.
    prepare(headings) {
      const [heading, ...others] = headings;
      if (!heading) return;
      later(() => {
        if (!this.own) this.order(heading.dataset.key, heading.dataset.first === "descending");
        this.prepare(others);
      });
    }

    draw() {
      const form = new FormData(this.find(".find"));
      const facets = [...this.find(".find").querySelectorAll("select")].map((select) => select.value);
      const kept = choice.filter(this.data, this.texts, form.get("q") ?? "", facets);
      const places = this.order(this.sort.key, this.sort.descending).filter((row) => kept[row]);
      const headings = this.keys();
      const body = document.createDocumentFragment();
      for (const row of places.slice(0, this.shown)) {
        body.append(rows.rowOf(this.data, row, this.templates, headings, this.columns.hidden, this.picked, this.own));
      }
      this.table.tBodies[0].replaceChildren(body);
      this.table.classList.add("chosen");
      const filters = facets.filter(Boolean).length;
      this.find(".filters .active").textContent = filters ? ` (${filters})` : "";
      const own = this.find(".threats .active");
      if (own) own.textContent = this.own ? ` (${this.own.keys.length})` : "";
      for (const heading of this.headings()) {
        heading.hidden = this.columns.hidden.has(heading.dataset.key);
        if (heading.dataset.key === this.sort.key) {
          heading.setAttribute("aria-sort", this.sort.descending ? "descending" : "ascending");
        } else heading.removeAttribute("aria-sort");
      }
      const left = places.length - this.shown;
      this.more.hidden = left <= 0;
      this.more.textContent = `Show ${Math.min(left, this.page)} more`;
      const count = this.data.names.length;
      const total = `${count.toLocaleString("en")} ${this.entry}${count === 1 ? "" : "s"}`;
      const ranking = this.own ? `, ranked by the ${this.own.by === "average" ? "average" : "worst case"} of ${this.own.keys.length} threat${this.own.keys.length === 1 ? "" : "s"}` : "";
      this.find(".count").textContent = places.length === this.data.names.length
        ? `${total}${ranking}`
        : places.length ? `${places.length.toLocaleString("en")} of ${total}${ranking}` : `No ${this.entry} matches; clear the search and filters.`;
    }
  }

  for (const section of document.querySelectorAll("[data-board]")) new Board(section);
})();
