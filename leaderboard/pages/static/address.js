// What a reader chose, in the page's address, so that a view can be shared. Each board has keys of its own.
"use strict";

nonsingular.address = (() => {
  const read = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  // The board's own entries, without its name in front.
  const of = (board) => {
    const own = {};
    for (const [key, value] of read()) {
      if (key.startsWith(`${board}.`)) own[key.slice(board.length + 1)] = value;
    }
    return own;
  };

  const write = (board, entries) => {
    const all = read();
    for (const key of [...all.keys()]) if (key.startsWith(`${board}.`)) all.delete(key);
    for (const [key, value] of Object.entries(entries)) {
      if (value) all.set(`${board}.${key}`, value);
    }
    const hash = all.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

  return { of, write };
})();
