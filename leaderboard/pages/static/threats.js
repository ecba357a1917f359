// A reader's own threat set: worst-case and average accuracy of each model, and ranks as ranges.
"use strict";

nonsingular.threats = (() => {
  const { boundedMean, bytes, differs, ones, pairedMeans, sign, tango, wilson, Z95 } = nonsingular.statistics;

  const percent = (share) => (100 * share).toFixed(1);
  // Intervals are computed for the rows that are drawn.
  const shown = (values, ends, absent) => ({
    values,
    texts: values.map((value) => (value === null ? absent : `${percent(value)}%`)),
    intervalOf: (row) => (values[row] === null ? "" : ends(row).map(percent).join("–")),
  });

  // Ranks in descending order of `totals`, whole numbers from 0 to `most`: the range from 1 plus the
  // number of significantly better rows to the number of rows less the worse ones. Both ends are
  // widened so that they increase with falling totals. `better(a, b)` is asked only where the totals
  // leave it open: the sum of squares is at least the difference and at most `largest`.
  const ranked = (totals, most, parts, better) => {
    const places = totals.flatMap((total, row) => (total === null ? [] : [row]));
    places.sort((a, b) => totals[b] - totals[a]);
    const n = places.length;
    const [above, below] = [new Int32Array(n), new Int32Array(n)];
    for (let i = 0; i < n; i += 1) {
      const one = totals[places[i]];
      for (let j = i + 1; j < n; j += 1) {
        const other = totals[places[j]];
        const difference = one - other;
        const largest = parts * Math.min(one + other, 2 * most - one - other);
        if (difference ** 2 > Z95 ** 2 * largest) { // so are all that follow
          below[i] += n - j;
          for (let k = j; k < n; k += 1) above[k] += 1;
          break;
        }
        if (difference > Z95 ** 2 && better(places[i], places[j])) {
          below[i] += 1;
          above[j] += 1;
        }
      }
    }
    const [first, last] = [Array.from(above, (count) => count + 1), Array.from(below, (count) => n - count)];
    for (let i = n - 2; i >= 0; i -= 1) first[i] = Math.min(first[i], first[i + 1]);
    for (let i = 1; i < n; i += 1) last[i] = Math.max(last[i], last[i - 1]);
    const positions = totals.map(() => null);
    places.forEach((row, position) => { positions[row] = position; });

    // A row's rank with what it says; `nearest` are up to three rows next to it that cannot be distinguished.
    const place = (row) => {
      const i = positions[row];
      if (i === null) return null;
      const tied = n - 1 - above[i] - below[i];
      const nearest = [];
      for (let aside = 1; nearest.length < Math.min(tied, 3); aside += 1) {
        for (const j of [i - aside, i + aside]) {
          if (j < 0 || j >= n || nearest.length === 3) continue;
          const [a, b] = [places[Math.min(i, j)], places[Math.max(i, j)]];
          if (totals[a] === totals[b] || !better(a, b)) nearest.push(places[j]);
        }
      }
      return {
        first: first[i],
        last: last[i],
        text: first[i] === last[i] ? String(first[i]) : `${first[i]}–${last[i]}`,
        others: n - 1,
        better: above[i],
        worse: below[i],
        tied,
        nearest,
        widened: first[i] <= above[i] || last[i] > n - below[i],
      };
    };
    return { positions, place };
  };

  const onesOf = (word) => {
    const pairs = word - ((word >>> 1) & 0x55555555);
    const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
    return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  };

  // Worst-case and average accuracy and ranks of a board's models under some threats.
  //   payload: the board's outcomes; keys: of the ticked threats; by: "worst" or "average"; models: how many;
  //   absent: shown where there is no number.
  const evaluate = (payload, keys, by, models, absent) => {
    const n = payload.examples;
    const size = Math.ceil(n / 8);
    const stride = 4 * Math.ceil(size / 4);
    const chosen = payload.threats.filter((threat) => keys.includes(threat.key));
    const missing = new Set(chosen.flatMap((threat) => threat.missing));
    const all = chosen.map((threat) => bytes(threat.outcomes));
    const parts = all.length;
    const rows = Array.from({ length: models }, (_, row) => row);

    const worstBits = new Uint8Array(stride * models);
    for (const row of rows) {
      for (let i = 0; i < size; i += 1) {
        worstBits[row * stride + i] = all.reduce((both, bits) => both & bits[row * size + i], 255);
      }
    }
    const words = new Uint32Array(worstBits.buffer);
    const known = (totals) => totals.map((total, row) => (missing.has(row) ? null : total));
    const nRobust = known(rows.map((row) => ones(worstBits, row * stride, (row + 1) * stride)));
    const sums = known(rows.map((row) =>
      all.reduce((sum, bits) => sum + ones(bits, row * size, (row + 1) * size), 0)));
    const worst = nRobust.map((total) => (total === null ? null : total / n));
    const average = sums.map((total) => (total === null ? null : total / (n * parts)));

    const only = (a, b) => { // number of examples robust in the worst case for a and not for b
      let both = 0;
      const length = stride / 4;
      for (let i = 0; i < length; i += 1) both += onesOf(words[a * length + i] & words[b * length + i]);
      return nRobust[a] - both;
    };
    // Number of threats under which each example is classified correctly.
    const counts = new Uint8Array(n * models);
    for (const bits of all) {
      for (const row of rows) {
        for (let i = 0; i < n; i += 1) counts[row * n + i] += (bits[row * size + (i >> 3)] >> (7 - (i & 7))) & 1;
      }
    }
    const paired = (a, b) => { // a's average minus b's
      let [sum, squares] = [0, 0];
      for (let i = 0; i < n; i += 1) {
        const difference = counts[a * n + i] - counts[b * n + i];
        sum += difference;
        squares += difference * difference;
      }
      // One threat is a share like any other.
      if (parts === 1) return tango((squares + sum) / 2, (squares - sum) / 2, n);
      return pairedMeans(sum, squares, n, parts);
    };
    const averageEnds = (row) => {
      const times = Array(parts + 1).fill(0);
      for (let i = 0; i < n; i += 1) times[counts[row * n + i]] += 1;
      return boundedMean(times.map((_, count) => count / parts), times);
    };
    const { positions, place } = by === "average"
      ? ranked(sums, n * parts, parts, (a, b) => sign(paired(a, b)) > 0)
      : ranked(nRobust, n, 1, (a, b) => differs(only(a, b), only(b, a)));
    return {
      positions,
      placeOf: place,
      worst: shown(worst, (row) => wilson(worst[row], n), absent),
      average: shown(average, averageEnds, absent),
      keys,
      by,
    };
  };

  return { evaluate };
})();
