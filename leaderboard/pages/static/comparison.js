// Models side by side: their common scores, and how each model differs from the first, the baseline.
"use strict";

nonsingular.comparison = (() => {
  const { bytes, ones, pairedShares, sign, wilson } = nonsingular.statistics;

  const numbers = (count, one) => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

  // Evaluations that all of some models have: one per battery, data set and seed. Models without a
  // common seed are compared across seeds: the examples are the same.
  const common = (models, boards) => boards.flatMap((board) => {
    const own = models.map((model) => model.evaluations.filter((each) => each.key === board.key));
    if (own.some((evaluations) => !evaluations.length)) return [];
    const words = `${board.battery}, ${numbers(board.examples, board.own ? "own image" : "example")}`;
    const seeds = own[0].map((each) => each.seed)
      .filter((seed) => own.every((evaluations) => evaluations.some((each) => each.seed === seed)));
    if (!seeds.length) {
      return [{ board, seed: null, label: `${words}, different seeds`, evaluations: own.map(([first]) => first) }];
    }
    return seeds.map((seed) => ({
      board,
      seed,
      label: seeds.length > 1 || seed ? `${words}, ${seed < 0 ? "secret seed" : `seed ${seed}`}` : words,
      evaluations: own.map((evaluations) => evaluations.find((each) => each.seed === seed)),
    }));
  });

  // Better or worse than the baseline if the 95% interval of the paired difference excludes zero.
  const verdict = (effect, higherIsBetter) => {
    if (!sign(effect)) return "cannot tell";
    if (higherIsBetter === null) return sign(effect) > 0 ? "higher" : "lower";
    return sign(effect) > 0 === higherIsBetter ? "better" : "worse";
  };

  const against = (first, other, n, higherIsBetter) => {
    if (!first || !other || first.length !== other.length) return null;
    const effect = pairedShares(bytes(other), bytes(first), n);
    return { ...effect, verdict: verdict(effect, higherIsBetter) };
  };

  // Known keys in their order, then keys of other versions of the suite.
  const ordered = (known, evaluations, part) => {
    const present = new Set(evaluations.flatMap((each) => Object.keys(each[part])));
    return [...known.filter((key) => present.delete(key)), ...present];
  };

  const probeOf = (key) => key.slice(0, key.indexOf("."));

  // One row per score. `cells` are what is shown for each model, `effects` its difference from the first.
  const scores = ({ board, evaluations }, texts) => {
    const known = Object.entries(texts)
      .flatMap(([probe, { scores: own }]) => Object.keys(own).map((name) => `${probe}.${name}`));
    return ordered(known, evaluations, "scores").map((key) => {
      const probe = probeOf(key);
      const name = key.slice(probe.length + 1);
      const [label, unit, higher, description] = board.texts?.[key] ?? texts[probe]?.scores[name] ?? [name, "", null, ""];
      const cells = evaluations.map(({ scores: own, without }) => {
        if (!own[key]) return null;
        const [value, low, high, n, text, interval] = own[key];
        return { value, low, high, n, text, interval, reason: without[key] };
      });
      const bits = evaluations.map(({ scores: own, outcomes }) => outcomes[own[key]?.[6]]);
      const effects = bits.map((each, place) => (place ? against(bits[0], each, board.examples, higher) : null));
      return { key, group: texts[probe]?.title ?? probe, label, unit, higher, description, cells, effects };
    });
  };

  const percent = (share) => (100 * share).toFixed(1);

  // One row per budget of an attack: the share of examples that are still classified correctly.
  const budgets = ({ board, evaluations }, texts) => {
    const n = board.examples;
    return ordered([], evaluations, "budgets").map((key) => {
      const probe = probeOf(key);
      const bits = evaluations.map((each) => each.outcomes[key]);
      const cells = bits.map((each) => {
        if (!each) return null;
        const value = ones(bytes(each)) / n;
        const [low, high] = wilson(value, n);
        return { value, low, high, n, text: `${percent(value)}%`, interval: `${percent(low)}–${percent(high)}` };
      });
      const effects = bits.map((each, place) => (place ? against(bits[0], each, n, true) : null));
      const label = evaluations.map((each) => each.budgets[key]).find(Boolean);
      return { key, group: texts[probe]?.title ?? probe, label, unit: "share", higher: true, cells, effects };
    });
  };

  // The shares of a model's profile, higher is better: `[low, value, high]` of each model.
  const profile = ({ evaluations }, parts) => parts.flatMap(([key, label, inverse]) => {
    const shares = evaluations.map(({ scores: own }) => {
      if (!own[key] || own[key][0] === null) return null;
      const [value, low, high] = own[key];
      return inverse ? [1 - (high ?? value), 1 - value, 1 - (low ?? value)] : [low ?? value, value, high ?? value];
    });
    return shares.some(Boolean) ? [{ label, shares }] : [];
  });

  // How often each other model is better and worse than the baseline, over the scores' rows.
  const tally = (rows, place) => {
    const verdicts = rows.map((row) => row.effects[place]).filter(Boolean).map((effect) => effect.verdict);
    const count = (word) => verdicts.filter((each) => each === word).length;
    return { better: count("better"), worse: count("worse"), undecided: count("cannot tell"), all: verdicts.length };
  };

  return { common, scores, budgets, profile, tally, numbers, percent, verdict };
})();
