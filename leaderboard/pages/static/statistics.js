// Shares, means and differences over the same examples: the formulas of benchmark/statistics.
// Outcomes are packed: eight examples per byte, the first in the highest bit, zeros after the last.
"use strict";

nonsingular.statistics = (() => {
  const Z95 = 1.959963984540054;
  const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

  const bytes = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));

  // Number of true outcomes between two bytes.
  const ones = (bits, from = 0, to = bits.length) => {
    let sum = 0;
    for (let i = from; i < to; i += 1) sum += ONES[bits[i]];
    return sum;
  };

  // Wilson's 95% interval of a share.
  const wilson = (share, n) => {
    const centre = (share + Z95 ** 2 / (2 * n)) / (1 + Z95 ** 2 / n);
    const half = (Z95 * Math.sqrt((share * (1 - share)) / n + Z95 ** 2 / (4 * n ** 2))) / (1 + Z95 ** 2 / n);
    return [Math.max(0, Math.min(share, centre - half)), Math.min(1, Math.max(share, centre + half))];
  };

  // The variance of the likeliest distribution on [0, 1] with the mean `centre`, below that of the values.
  const variance = (kinds, counts, n, centre) => {
    if (centre <= 0) return 0;
    const aside = kinds.map((kind) => (kind - centre) / centre);
    let [small, large, t] = [0, 1, 0.5];
    while (large - small > 1e-13) { // Newton's method, or a bisection where it leaves the bracket
      let [above, steep] = [0, 0];
      aside.forEach((x, place) => {
        const term = x / (1 + t * x);
        above += counts[place] * term;
        steep += counts[place] * term * term;
      });
      if (above > 0) small = t;
      else large = t;
      const step = above / Math.max(steep, 1e-300);
      if (Math.abs(step) < 5e-14) break;
      t = small < t + step && t + step < large ? t + step : (small + large) / 2;
    }
    let [sum, square] = [0, 0];
    aside.forEach((x, place) => {
      const weight = counts[place] / (n * (1 + t * x));
      sum += weight;
      square += weight * (kinds[place] - centre) ** 2;
    });
    return square + Math.max(0, 1 - sum) * centre ** 2;
  };

  const boundedLower = (kinds, counts) => {
    const n = counts.reduce((sum, count) => sum + count, 0);
    const mean = kinds.reduce((sum, kind, place) => sum + kind * counts[place], 0) / n;
    let [rejected, accepted] = [0, mean];
    for (let i = 0; i < 45; i += 1) {
      const middle = (rejected + accepted) / 2;
      if (n * (mean - middle) ** 2 > Z95 ** 2 * variance(kinds, counts, n, middle)) rejected = middle;
      else accepted = middle;
    }
    return accepted;
  };

  // The 95% interval of a mean of values in [0, 1] that occur `counts` times: Wilson's for 0 and 1.
  const boundedMean = (values, counts) => {
    const kinds = values.filter((_, place) => counts[place]);
    const times = counts.filter(Boolean);
    return [boundedLower(kinds, times), 1 - boundedLower(kinds.map((kind) => 1 - kind), times)];
  };

  // The complement of the error function of x >= 0: a series for small x, a continued fraction for large.
  const erfc = (x) => {
    if (x < 2.5) {
      let [term, sum] = [x, x];
      for (let i = 1; term > 1e-17 * sum; i += 1) {
        term *= (2 * x * x) / (2 * i + 1);
        sum += term;
      }
      return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
    }
    let tail = 0;
    for (let i = 60; i > 0; i -= 1) tail = i / 2 / (x + tail);
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + tail);
  };

  // The two-sided p-value of a standard normal statistic.
  const twoSided = (statistic) => erfc(Math.abs(statistic) / Math.SQRT2);

  // Whether two shares of the same examples differ: McNemar's test, and Tango's interval excludes zero.
  const differs = (gained, lost) => (gained - lost) ** 2 > Z95 ** 2 * (gained + lost);

  const score = (gained, lost, n, difference) => {
    const b = (2 * n - gained + lost) * difference - gained - lost;
    const c = -lost * difference * (1 - difference);
    const share = (Math.sqrt(Math.max(0, b * b - 8 * n * c)) - b) / (4 * n);
    const spread = n * (2 * share + difference * (1 - difference));
    const excess = gained - lost - n * difference;
    return spread > 0 ? excess / Math.sqrt(spread) : Math.sign(excess) * Infinity;
  };

  const tangoLower = (gained, lost, n) => {
    const value = (gained - lost) / n;
    let [low, high] = gained > lost && differs(gained, lost) ? [0, value] : [-1, Math.min(value, 0)];
    for (let i = 0; i < 60; i += 1) {
      const middle = (low + high) / 2;
      if (score(gained, lost, n, middle) > Z95) low = middle;
      else high = middle;
    }
    return high;
  };

  // Difference of two shares of the same examples with its 95% interval (Tango 1998).
  const tango = (gained, lost, n) => ({
    value: (gained - lost) / n,
    low: tangoLower(gained, lost, n),
    high: 0 - tangoLower(lost, gained, n),
    n,
    p: twoSided(gained === lost ? 0 : (gained - lost) / Math.sqrt(gained + lost)),
  });

  // Number of examples that only the first classifies correctly, and that only the second does.
  const discordant = (first, second) => {
    let [gained, lost] = [0, 0];
    for (let i = 0; i < first.length; i += 1) {
      gained += ONES[first[i] & ~second[i]];
      lost += ONES[second[i] & ~first[i]];
    }
    return { gained, lost };
  };

  // The first's share minus the second's; n examples, packed outcomes.
  const pairedShares = (first, second, n) => {
    const { gained, lost } = discordant(first, second);
    return { ...tango(gained, lost, n), gained, lost };
  };

  // Mean of n differences of numbers of `parts`, from the whole sums of the differences and of their squares,
  // divided by `parts`; see paired_means.
  const pairedMeans = (sum, squares, n, parts) => {
    const value = sum / n / parts;
    const constant = squares * n === sum * sum;
    let half = Infinity; // for three examples and fewer
    if (n > Z95 ** 2 && constant) half = Z95 ** 2 / (n + Z95 ** 2);
    else if (n > Z95 ** 2) {
      half = (Z95 * Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2))) / parts / Math.sqrt(n - Z95 ** 2);
    }
    const [low, high] = [Math.max(value - half, -1), Math.min(value + half, 1)];
    const undecided = low <= 0 && high >= 0 && (constant || n <= Z95 ** 2);
    return { value, low, high, n, p: undecided || !squares ? 1 : twoSided(sum / Math.sqrt(squares)) };
  };

  // 1 or -1 if the 95% interval lies above or below zero, otherwise 0: the one rule of who is better.
  const sign = ({ low, high }) => Number(low > 0) - Number(high < 0);

  return {
    bytes, ones, wilson, boundedMean, differs, tango, discordant, pairedShares, pairedMeans, sign, twoSided, Z95,
  };
})();
