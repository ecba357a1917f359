// Tables as CSV (RFC 4180) for spreadsheets, in which no name of a model can become a formula.
"use strict";

nonsingular.csv = (() => {
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const text = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

  // Hand the reader a file; the mark in front tells spreadsheets that it is UTF-8.
  const download = (name, rows) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text(rows)], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  return { text, download };
})();
