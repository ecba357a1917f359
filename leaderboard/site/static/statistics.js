// Differences between models over the same examples, as the package's leaderboard/effects.py has them.
"use strict";

nonsingular.statistics = (() => {
  const Z95 = 1.959963984540054;

  // Difference of two shares of the same examples with its 95% interval (Agresti and Min 2005).
  const agrestiMin = (gained, lost, n) => {
    const [total, up, down] = [n + 2, gained + 0.5, lost + 0.5];
    const centre = (up - down) / total;
    const half = (Z95 * Math.sqrt(up + down - (up - down) ** 2 / total)) / total;
    const value = (gained - lost) / n;
    return { value, low: Math.min(value, centre - half), high: Math.max(value, centre + half) };
  };

  return { Z95, agrestiMin };
})();
