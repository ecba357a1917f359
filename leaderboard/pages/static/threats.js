// A reader's own threat set: worst-case and average accuracy of each model, and ranks with ties.
"use strict";

nonsingular.threats = (() => {
  const { agrestiMin, bytes, discordant, ones, pairedMeans, wilson } = nonsingular.statistics;

  const percent = (share) => (100 * share).toFixed(1);
  const shown = (values, low, high, absent) => ({
    values,
    texts: values.map((value) => (value === null ? absent : `${percent(value)}%`)),
    intervals: values.map((value, row) => (value === null ? "" : `${percent(low[row])}–${percent(high[row])}`)),
  });

  // Ranks in descending order: a row shares the rank before it unless the first of that rank is
  // better by an interval above 0. `behind(leader, row)` is that interval.
  const ranked = (values, behind) => {
    const places = values.flatMap((value, row) => (value === null ? [] : [row]));
    places.sort((a, b) => values[b] - values[a]);
    const ranks = values.map(() => null);
    const leaders = values.map(() => null);
    let [rank, leader] = [1, places[0]];
    places.forEach((row, position) => {
      if (row !== leader && behind(leader, row).low > 0) [rank, leader] = [position + 1, row];
      ranks[row] = rank;
      leaders[row] = leader;
    });
    return { ranks, leaders };
  };

  // Worst-case and average accuracy and ranks of a board's models under some threats.
  //   payload: the board's outcomes; keys: of the ticked threats; by: "worst" or "average"; models: how many;
  //   absent: shown where there is no number.
  const evaluate = (payload, keys, by, models, absent) => {
    const n = payload.examples;
    const size = Math.ceil(n / 8);
    const chosen = payload.threats.filter((threat) => keys.includes(threat.key));
    const missing = new Set(chosen.flatMap((threat) => threat.missing));
    const all = chosen.map((threat) => bytes(threat.outcomes));
    const rows = Array.from({ length: models }, (_, row) => row);

    const worstBits = new Uint8Array(size * models);
    for (let i = 0; i < worstBits.length; i += 1) {
      worstBits[i] = all.reduce((both, bits) => both & bits[i], 255);
    }
    const right = (bits, row) => ones(bits, row * size, (row + 1) * size);
    const nRobust = rows.map((row) => right(worstBits, row));
    const worst = rows.map((row) => (missing.has(row) ? null : nRobust[row] / n));
    const sums = rows.map((row) => all.reduce((sum, bits) => sum + right(bits, row), 0));
    const average = rows.map((row) => (missing.has(row) ? null : sums[row] / (n * all.length)));

    const behindWorst = (leader, row) => {
      const [one, other] = [leader, row].map((of) => worstBits.subarray(of * size, (of + 1) * size));
      const { gained, lost } = discordant(one, other);
      return agrestiMin(gained, lost, n);
    };
    // Number of threats under which each example is classified correctly; computed when needed.
    let counts = null;
    const count = () => {
      counts = new Uint8Array(n * models);
      for (const bits of all) {
        for (const row of rows) {
          for (let i = 0; i < n; i += 1) {
            counts[row * n + i] += (bits[row * size + (i >> 3)] >> (7 - (i & 7))) & 1;
          }
        }
      }
    };
    const moments = (row, leader) => {
      if (!counts) count();
      let [sum, squares] = [0, 0];
      for (let i = 0; i < n; i += 1) {
        const d = (counts[leader * n + i] - (row === null ? 0 : counts[row * n + i])) / all.length;
        sum += d;
        squares += d * d;
      }
      return pairedMeans(sum, squares, n);
    };
    const behindAverage = (leader, row) => moments(row, leader);

    const { ranks, leaders } = by === "average"
      ? ranked(average, behindAverage)
      : ranked(worst, behindWorst);
    const wilsons = worst.map((share) => (share === null ? [null, null] : wilson(share, n)));
    const ends = average.map((share, row) => (share === null ? null : moments(null, row)));
    const behind = by === "average" ? behindAverage : behindWorst;
    return {
      ranks,
      leaders,
      // The difference between a leader and a row, in points, with the ends of its interval.
      behindTexts: (leader, row) => {
        const { value, low, high } = behind(leader, row);
        return [value, low, high].map(percent);
      },
      worst: shown(worst, wilsons.map(([low]) => low), wilsons.map(([, high]) => high), absent),
      average: shown(average, ends.map((end) => end && end.low), ends.map((end) => end && end.high), absent),
      keys,
      by,
    };
  };

  return { evaluate };
})();
