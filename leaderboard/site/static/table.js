// Sorting of the boards. Without this script the tables stand in order of rank.
"use strict";

for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const ranked = [...body.rows];

  const keyOf = (row, column, kind) => {
    const cell = row.cells[column];
    if (kind === "text") return cell.textContent.trim();
    // Python writes infinities as inf; a probe that was not run has no value.
    const text = (cell.dataset.value ?? "").replace(/inf$/, "Infinity");
    return text === "" ? null : Number(text);
  };

  const sort = (column, direction) => {
    const kind = headings[column].dataset.kind;
    const sign = direction === "ascending" ? 1 : -1;
    const keyed = ranked.map((row) => [keyOf(row, column, kind), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // missing ones last
      const order = kind === "text" ? a.localeCompare(b) : Math.sign(a - b) || 0;
      return sign * order;
    });
    body.append(...keyed.map(([, row]) => row));
    headings.forEach((heading, i) => {
      if (i === column) heading.setAttribute("aria-sort", direction);
      else heading.removeAttribute("aria-sort");
    });
  };

  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const now = heading.getAttribute("aria-sort");
      const first = heading.dataset.first ?? "ascending";
      const other = { ascending: "descending", descending: "ascending" };
      sort(column, now ? other[now] : first);
    });
  });
}
