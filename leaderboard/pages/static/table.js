// The rows of a board as elements. Names are user input, so text is only set as text, never as HTML.
"use strict";

nonsingular.table = (() => {
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  };

  const title = (text, interval, n, mark) => {
    if (!n) return "not run";
    const between = interval ? `, 95% interval ${interval}` : "";
    const near = mark === "near" ? ", interval overlaps that of the best" : "";
    return `${text}${between}, n = ${n.toLocaleString("en")}${near}`;
  };

  const scoreCell = (column, row) => {
    const n = typeof column.n === "number" ? (column.values[row] === null ? 0 : column.n) : column.n[row];
    const cell = make("td", `number ${column.marks[row]}`.trim());
    cell.append(make("span", "", column.texts[row]));
    cell.title = title(column.texts[row], column.intervals[row], n, column.marks[row]);
    if (column.intervals[row]) cell.append(make("small", "", column.intervals[row]));
    return cell;
  };

  const profileCell = (data, row) => {
    const cell = make("td");
    const profile = make("span", "profile");
    const words = [];
    data.profiles[row].forEach((percent, place) => {
      const bar = make("i");
      if (percent !== null) {
        bar.style.setProperty("--v", percent);
        words.push(`${data.profile[place]} ${percent}%`);
      }
      profile.append(bar);
    });
    profile.setAttribute("role", "img");
    profile.setAttribute("aria-label", words.join(", "));
    cell.append(profile);
    return cell;
  };

  const rankCell = (rank, tie) => {
    const cell = make("td", "rank", rank ?? "–");
    if (tie) {
      cell.title = tie;
      const mark = make("span", "tie", "=");
      mark.append(make("span", "unseen", ` ${tie}`));
      cell.append(mark);
    }
    return cell;
  };

  // A fact from a card: a number, or a text that may be long.
  const factCell = (fact, row) => {
    const text = fact.names[fact.of[row]];
    if (fact.values) return make("td", "number", text);
    const cell = make("td", "name");
    cell.append(make("span", "", text));
    return cell;
  };

  const nameCell = (data, row) => {
    const cell = make("th");
    cell.scope = "row";
    const link = make("a", "", data.names[row]);
    link.href = data.pages[row];
    cell.append(link);
    if (data.notes[row]) cell.append(" ", make("small", "", data.notes[row]));
    if (data.submitted[row]) {
      const mark = make("span", "mark", "submitted");
      mark.title = "Scored from a file that was submitted";
      cell.append(" ", mark);
    }
    if (/^https?:/.test(data.papers[row])) {
      const paper = make("a", "paper", "paper");
      paper.href = data.papers[row];
      paper.rel = "noopener noreferrer nofollow";
      paper.title = data.papers[row];
      paper.append(make("span", "unseen", ` of ${data.names[row]}`));
      cell.append(" ", paper);
    }
    return cell;
  };

  const flagsCell = (flags) => {
    const cell = make("td", "number", flags ? undefined : (flags ?? "–"));
    if (flags) cell.append(make("span", "mark", flags));
    return cell;
  };

  const pickCell = (data, row, picked) => {
    const cell = make("td", "pick");
    const box = make("input");
    box.type = "checkbox";
    box.value = row;
    box.checked = picked.has(row);
    box.setAttribute("aria-label", `compare ${data.names[row]}`);
    cell.append(box);
    return cell;
  };

  // A row in the order of the table's headings.
  //   keys: of the headings; threats: results under a reader's threats, or null.
  const rowOf = (data, row, keys, hidden, picked, threats) => {
    const makers = {
      pick: () => pickCell(data, row, picked),
      rank: () => rankCell(...(threats ? threats.place(row) : [data.ranks[row], data.ties[row]])),
      model: () => nameCell(data, row),
      profile: () => profileCell(data, row),
      flags: () => flagsCell(data.flags[row]),
      worst: () => scoreCell(threats.worst, row),
      average: () => scoreCell(threats.average, row),
    };
    for (const fact of data.facts) makers[fact.key] = () => factCell(fact, row);
    const element = make("tr");
    for (const key of keys) {
      const cell = key in makers ? makers[key]() : scoreCell(data.columns[data.columnKeys.indexOf(key)], row);
      cell.hidden = hidden.has(key);
      element.append(cell);
    }
    return element;
  };

  return { make, rowOf };
})();
