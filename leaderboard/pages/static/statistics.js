// Shares and differences over the same examples, with the formulas of leaderboard/effects.py.
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
    return [Math.min(share, centre - half), Math.max(share, centre + half)];
  };

  // Difference of two shares of the same examples with its 95% interval (Agresti and Min 2005).
  const agrestiMin = (gained, lost, n) => {
    const [total, up, down] = [n + 2, gained + 0.5, lost + 0.5];
    const centre = (up - down) / total;
    const half = (Z95 * Math.sqrt(up + down - (up - down) ** 2 / total)) / total;
    const value = (gained - lost) / n;
    return { value, low: Math.min(value, centre - half), high: Math.max(value, centre + half) };
  };

  // McNemar's exact two-sided p-value: twice the binomial tail up to the rarer kind of example.
  // The tail's largest term comes from a sum of logarithms, the others from it by their ratios.
  const mcnemar = (gained, lost) => {
    const [few, all] = [Math.min(gained, lost), gained + lost];
    if (2 * few === all) return 1;
    let log = -all * Math.LN2;
    for (let i = 1; i <= few; i += 1) log += Math.log((all - few + i) / i);
    let [term, ratios] = [1, 0];
    for (let i = few; i >= 0 && term > 1e-20; i -= 1) {
      ratios += term;
      term *= i / (all - i + 1);
    }
    return Math.min(1, 2 * Math.exp(log) * ratios);
  };

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
    return { ...agrestiMin(gained, lost, n), n, p: mcnemar(gained, lost), gained, lost };
  };

  // The 97.5% quantile of Student's t: exact to four decimals for few degrees of freedom, from five on
  // by the expansion around the normal quantile (Abramowitz and Stegun 26.7.5).
  const studentsT = (degrees) => {
    if (degrees < 5) return [Infinity, 12.7062, 4.3027, 3.1824, 2.7764][degrees];
    const [z, d] = [Z95, degrees];
    return (
      z + (z ** 3 + z) / (4 * d) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * d ** 2)
      + (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * d ** 3)
    );
  };

  // Mean of n differences from their sum and the sum of their squares, with Student's 95% interval;
  // a single difference says nothing about the spread.
  const pairedMeans = (sum, sumOfSquares, n) => {
    const value = sum / n;
    const variance = Math.max(0, sumOfSquares / n - value ** 2) / (n - 1);
    const half = n > 1 ? studentsT(n - 1) * Math.sqrt(variance) : Infinity;
    return { value, low: value - half, high: value + half, n };
  };

  return { bytes, ones, wilson, agrestiMin, discordant, mcnemar, pairedShares, pairedMeans, studentsT };
})();
