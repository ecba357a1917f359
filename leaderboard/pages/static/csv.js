// Tables as CSV (RFC 4180) for spreadsheets, escaped so that no model name becomes a formula.
"use strict";

nonsingular.csv = (() => {
  const inside = /([;\t\r\n])(?=[\s\0"]*[=+\-@\uff1d\uff0b\uff0d\uff20])/g;
  const begin = /^([\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\0])/;

  // As in leaderboard/exports/table.py: spreadsheets may split a line at semicolons.
  const harmless = (value) => {
    const text = String(value).replace(inside, "$1'");
    return begin.test(text) ? `'${text}` : text;
  };

  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = harmless(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const text = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

  // Downloads a file; the leading byte order mark makes spreadsheets read it as UTF-8.
  const download = (name, rows) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text(rows)], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  return { harmless, text, download };
})();
