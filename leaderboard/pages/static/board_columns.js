// Which columns of a board are shown: a few at first, the others by choice. The choice is part of the address.
"use strict";

nonsingular.columns = (() => {
  const { make } = nonsingular.table;
  const fixed = ["rank", "model", "pick"];
  const listed = (text) => (text ?? "").split(",").filter(Boolean);

  class Columns {
    // panel: the chooser's <details>; headings: cells of the table's head, those shown by choice of class "extra";
    // changed: called after a reader's choice.
    constructor(panel, headings, changed) {
      this.panel = panel;
      this.unusual = new Set(headings.filter((each) => each.classList.contains("extra")).map((each) => each.dataset.key));
      const set = panel.querySelector("fieldset");
      for (const heading of headings.filter((each) => !fixed.includes(each.dataset.key))) {
        const label = make("label");
        const box = make("input");
        box.type = "checkbox";
        box.name = "column";
        box.value = heading.dataset.key;
        label.append(box, ` ${heading.dataset.label ?? heading.textContent.trim()}`);
        set.append(label);
      }
      this.boxes = [...set.querySelectorAll("input")];
      this.hide(this.unusual);
      set.addEventListener("change", () => {
        this.hide(this.boxes.filter((box) => !box.checked).map((box) => box.value));
        changed();
      });
      const button = (name, hidden) => panel.querySelector(name).addEventListener("click", () => {
        this.hide(hidden);
        changed();
      });
      button(".all-columns", []);
      button(".usual-columns", this.unusual);
    }

    hide(keys) {
      this.hidden = new Set(keys);
      for (const box of this.boxes) box.checked = !this.hidden.has(box.value);
      const different = this.boxes.filter((box) => box.checked === this.unusual.has(box.value)).length;
      this.panel.querySelector(".active").textContent = different ? ` (${different} changed)` : "";
    }

    // What differs from the usual columns, for the address.
    entries() {
      const keys = this.boxes.map((box) => box.value);
      return {
        show: keys.filter((key) => this.unusual.has(key) && !this.hidden.has(key)).join(","),
        hide: keys.filter((key) => !this.unusual.has(key) && this.hidden.has(key)).join(","),
      };
    }

    // A shared choice; columns that do not exist here are ignored.
    restore({ show, hide }) {
      const shown = listed(show);
      this.hide([...[...this.unusual].filter((key) => !shown.includes(key)), ...listed(hide)]);
    }
  }

  return { Columns };
})();
