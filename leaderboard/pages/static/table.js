// The rows of a board as elements: copies of the page's own templates, filled in with the board's data.
// Names are user input, so text is only set as text, never as HTML.
"use strict";

nonsingular.table = (() => {
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  };

  // A text of the board with its values: `{name}` stands for `values.name`.
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // The templates of a board's section: a cell for each key of its headings.
  const templatesOf = (section, keys) => {
    const content = (name) => section.querySelector(`template.${name}`).content;
    const cells = content("row").querySelector("tr").cells;
    const templates = new Map(keys.map((key, place) => [key, cells[place]]));
    for (const key of ["worst", "average"]) templates.set(key, content("score").querySelector("td"));
    templates.set("pick", content("pick").querySelector("td"));
    return templates;
  };

  const fillScore = (cell, texts, column, row) => {
    const [text, mark] = [column.texts[row], column.marks[row]];
    const interval = column.intervalOf ? column.intervalOf(row) : column.intervals[row];
    const [shown, small] = cell.children;
    if (mark) cell.classList.add(mark);
    shown.textContent = text;
    if (interval) small.textContent = interval;
    else small.remove();
    cell.title = text === texts.absent ? texts.notRun : fill(texts.title, {
      text,
      interval: interval ? fill(texts.interval, { interval }) : "",
      n: typeof column.n === "string" ? column.n : column.n[row],
      near: mark === "near" ? texts.near : "",
    });
  };

  const fillProfile = (cell, data, row) => {
    const profile = cell.querySelector(".profile");
    const bars = profile.querySelectorAll("i");
    const words = [];
    data.profiles[row].forEach((percent, place) => {
      if (percent === null) {
        bars[place].removeAttribute("style");
      } else {
        bars[place].style.setProperty("--v", percent);
        words.push(fill(data.texts.profileShare, { label: data.profile[place], percent }));
      }
    });
    profile.setAttribute("aria-label", words.join(", "));
  };

  const fillRank = (cell, texts, rank, says) => {
    cell.firstChild.data = rank ?? texts.absent;
    const unseen = cell.querySelector(".unseen");
    if (says) {
      cell.title = says;
      unseen.textContent = ` ${says}`;
    } else {
      cell.removeAttribute("title");
      unseen.remove();
    }
  };

  const fillName = (cell, data, row) => {
    const name = data.names[row];
    const [link, note, submitted, paper] = cell.children;
    link.textContent = name;
    link.href = data.pages[row];
    if (data.notes[row]) note.textContent = data.notes[row];
    else note.remove();
    if (!data.submitted[row]) submitted.remove();
    if (data.papers[row]) {
      paper.href = paper.title = data.papers[row];
      const of = paper.querySelector(".unseen");
      of.textContent = fill(of.textContent, { name });
    } else {
      paper.remove();
    }
  };

  const fillFlags = (cell, texts, flags) => {
    if (flags) cell.firstElementChild.textContent = flags;
    else cell.textContent = flags ?? texts.absent;
  };

  const fillPick = (cell, data, row, picked) => {
    const box = cell.firstElementChild;
    box.value = row;
    box.checked = picked.has(row);
    box.setAttribute("aria-label", fill(box.getAttribute("aria-label"), { name: data.names[row] }));
  };

  // A row in the order of the table's headings.
  //   templates: of the cells; keys: of the headings; threats: results under a reader's threats, or null.
  const rowOf = (data, row, templates, keys, hidden, picked, threats) => {
    const { texts } = data;
    const fillers = {
      pick: (cell) => fillPick(cell, data, row, picked),
      rank: (cell) => fillRank(cell, texts, ...(threats ? threats.place(row) : [data.ranks[row], data.ties[row]])),
      model: (cell) => fillName(cell, data, row),
      profile: (cell) => fillProfile(cell, data, row),
      flags: (cell) => fillFlags(cell, texts, data.flags[row]),
      worst: (cell) => fillScore(cell, texts, threats.worst, row),
      average: (cell) => fillScore(cell, texts, threats.average, row),
    };
    for (const fact of data.facts) {
      fillers[fact.key] = (cell) => {
        (cell.firstElementChild ?? cell).textContent = fact.names[fact.of[row]];
      };
    }
    const element = make("tr");
    for (const key of keys) {
      const cell = templates.get(key).cloneNode(true);
      if (key in fillers) fillers[key](cell);
      else fillScore(cell, texts, data.columns[data.columnKeys.indexOf(key)], row);
      cell.hidden = hidden.has(key);
      element.append(cell);
    }
    return element;
  };

  return { make, fill, templatesOf, rowOf };
})();
