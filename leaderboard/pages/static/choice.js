// Which rows of a board are shown, and in which order. Works on one list per field, as in the board's data.
"use strict";

nonsingular.choice = (() => {
  const numbers = (values) =>
    Float64Array.from(values, (value) => (value === null ? NaN : Number(value)));

  // The sort values of all rows for a key: numbers, or text in lower case.
  const keysOf = (data, key, threats) => {
    const lower = (texts) => texts.map((text) => text.toLowerCase());
    if (key === "rank") return numbers(threats ? threats.positions : data.ranks.map((rank, row) => (rank === null ? null : row)));
    if (key === "worst" || key === "average") return threats ? numbers(threats[key].values) : null;
    if (key === "model") return lower(data.names);
    if (key === "flags") return numbers(data.flags);
    const fact = data.facts.find((each) => each.key === key);
    if (fact) return fact.values ? numbers(fact.values) : lower(fact.of.map((place) => fact.names[place]));
    const column = data.columnKeys.indexOf(key);
    return column < 0 ? null : numbers(data.columns[column].values);
  };

  // Indices of all rows in order; rows without a value come last, and ties keep their order.
  const order = (keys, descending) => {
    const places = Array.from(keys, (_, place) => place);
    if (keys instanceof Float64Array) {
      const sign = descending ? -1 : 1;
      return places.sort((a, b) => {
        const [x, y] = [keys[a], keys[b]];
        if (x !== x || y !== y) return (x !== x) - (y !== y);
        return x === y ? 0 : sign * (x < y ? -1 : 1);
      });
    }
    const up = (a, b) => (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : 0);
    return places.sort(descending ? (a, b) => up(b, a) : up);
  };

  // One text per row, which is searched.
  const haystack = (data) => data.names.map((name, row) => [
    name,
    data.notes[row],
    ...data.facts.filter((fact) => !fact.values).map((fact) => fact.names[fact.of[row]]),
  ].join("\n").toLowerCase());

  const filters = (data) => data.facts.filter((fact) => fact.filter);

  // Whether each row contains every word of `text` and has the chosen value of every filter.
  const filter = (data, texts, text, chosen) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = filters(data)
      .map((fact, place) => [fact, chosen[place] ? fact.names.indexOf(chosen[place]) : null])
      .filter(([, code]) => code !== null);
    return texts.map((hay, row) =>
      words.every((word) => hay.includes(word)) && wanted.every(([fact, code]) => fact.of[row] === code));
  };

  return { keysOf, order, haystack, filters, filter };
})();
