// Rows that are reported elsewhere: search and order. Without this script they are all there: those of measured models, then the others, the most robust first.
"use strict";

for (const section of document.querySelectorAll("[data-reported]")) {
  const body = section.querySelector("tbody");
  const rows = [...body.rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const headings = [...section.querySelectorAll("thead th")];
  const field = section.querySelector("input");
  const found = section.querySelector(".found");

  // A number where the column has numbers, else the text; the dash of a missing one is last in both directions.
  const keyOf = (cell, isNumber) => {
    const text = cell.textContent.trim();
    if (text === "\u2013") return null;
    return isNumber ? parseFloat(text.replace("\u2212", "-")) : text.toLowerCase();
  };

  field.closest("[hidden]").hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, place) => {
      row.hidden = !words.every((word) => texts[place].includes(word));
      if (!row.hidden) count += 1;
    });
    found.textContent = words.length ? `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} models` : "";
  });

  headings.forEach((heading, place) => {
    const isNumber = heading.classList.contains("number");
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      const descending = before ? before === "ascending" : isNumber;
      for (const each of headings) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const keyed = rows.map((row) => [keyOf(row.cells[place], isNumber), row]);
      keyed.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1);
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });
}
