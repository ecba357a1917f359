// The parts of a comparison as elements. Names are user input, so text is only set as text, never as HTML.
"use strict";

nonsingular.comparisonTables = (() => {
  const { make } = nonsingular.table;
  const { percent } = nonsingular.comparison;

  const heading = (scope, text, className) => {
    const cell = make("th", className, text);
    cell.scope = scope;
    return cell;
  };

  const row = (...cells) => {
    const element = make("tr");
    element.append(...cells);
    return element;
  };

  const link = (href, text) => {
    const element = make("a", "", text);
    element.href = href;
    return element;
  };

  // A name that breaks after a slash before it breaks anywhere else.
  const named = (name) => name.split(/(?<=\/)/).flatMap((part, place) => (place ? [make("wbr"), part] : [part]));

  const nameHeading = (model, first) => {
    const cell = heading("col", "", "name");
    const page = link(`models/${model.slug}/index.html`, "");
    page.append(...named(model.name));
    cell.append(page);
    if (model.submitted) cell.append(" ", make("span", "mark", "submitted"));
    if (first) cell.append(" ", make("small", "", "baseline"));
    return cell;
  };

  const cards = (models) => {
    const body = models[0].facts.map(([name], place) =>
      row(heading("row", name), ...models.map((model) => make("td", "", model.facts[place][1]))));
    const papers = models.map((model) => {
      const cell = make("td", "", model.paper ? undefined : "–");
      if (model.paper) {
        const paper = link(model.paper, model.paper.replace(/^https?:\/\//, ""));
        paper.rel = "noopener noreferrer nofollow";
        cell.append(paper);
      }
      return cell;
    });
    const table = make("table", "cards");
    table.createTHead().append(row(make("td"), ...models.map((model, place) => nameHeading(model, !place))));
    table.createTBody().append(...body, row(heading("row", "Paper"), ...papers));
    return table;
  };

  const bar = (shares) => {
    const cell = make("td", "bar");
    if (!shares) return cell;
    const [low, value, high] = shares;
    const track = make("span", "track");
    const ends = { "--value": value, "--low": low, "--high": high };
    for (const [name, share] of Object.entries(ends)) track.style.setProperty(name, Math.min(1, Math.max(0, share)));
    track.append(make("i"));
    if (high > low) track.append(make("b"));
    track.setAttribute("aria-hidden", "true");
    cell.append(track);
    return cell;
  };

  // One table body per family and one row per model: bars of a family start at the same position.
  const profile = (parts, models) => {
    const table = make("table", "profile-bars");
    const titles = ["Family", "Model", "Share"].map((text, place) => heading("col", text, place === 2 ? "number" : ""));
    table.createTHead().append(row(...titles, make("td")));
    for (const { label, shares } of parts) {
      const body = table.createTBody();
      shares.forEach((share, place) => {
        const name = heading("row", "", "name");
        name.append(...named(models[place].name));
        const cells = [
          name,
          make("td", "number", share ? `${percent(share[1])}%` : "–"),
          bar(share),
        ];
        if (!place) {
          const family = heading("rowgroup", label, "family");
          family.rowSpan = models.length;
          cells.unshift(family);
        }
        body.append(row(...cells));
      });
    }
    return table;
  };

  const signed = (share) => `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;
  const chance = (p) => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`);
  const SIGNS = { better: "▲", worse: "▼", higher: "▲", lower: "▼", "cannot tell": "≈" };

  // A missing interval is said where another model has one, and otherwise when it is pointed at.
  const valueCell = (cell, unit, others) => {
    const element = make("td", "number");
    if (!cell) {
      element.append(make("span", "", "–"), make("span", "unseen", "not run"));
      return element;
    }
    const shown = ["nats", "radius", "loss"].includes(unit) && cell.value !== null ? `${cell.text} ${unit}` : cell.text;
    element.append(make("span", "", shown));
    if (cell.interval) element.append(make("small", "", cell.interval));
    else if (others.some((each) => each?.interval)) element.append(make("small", "", "no interval"));
    element.title = `n = ${cell.n.toLocaleString("en")}${cell.interval ? "" : `; no interval: ${cell.reason}`}`;
    return element;
  };

  const effectCell = (effect) => {
    if (!effect) {
      const element = make("td", "effect none", "–");
      element.append(make("span", "unseen", " no paired outcomes"));
      return element;
    }
    const element = make("td", `effect ${effect.verdict.replace(" ", "-")}`);
    const sign = make("span", "sign", SIGNS[effect.verdict]);
    sign.setAttribute("aria-hidden", "true");
    const words = make("span", "verdict");
    words.append(sign, ` ${effect.verdict}`);
    element.append(
      words,
      make("span", "points", ` ${signed(effect.value)} points`),
      make("small", "", `${signed(effect.low)} to ${signed(effect.high)}, ${chance(effect.p)}`),
      make("small", "", `gained ${effect.gained.toLocaleString("en")}, lost ${effect.lost.toLocaleString("en")}`),
    );
    return element;
  };

  const scoreHeading = ({ label, higher, description }) => {
    const cell = heading("row", label);
    if (description) cell.title = description;
    if (higher !== null) {
      const arrow = make("span", "arrow", higher ? "\u00a0↑" : "\u00a0↓");
      arrow.setAttribute("aria-hidden", "true");
      cell.append(arrow, make("span", "unseen", `, ${higher ? "higher" : "lower"} is better`));
    }
    return cell;
  };

  // Rows grouped by probe, `what` each of them is; of each model its value, and from the second on
  // the difference.
  const differences = (what, rows, models) => {
    const table = make("table", "differences");
    const top = row(make("td"), ...models.map((model, place) => {
      const cell = nameHeading(model, !place);
      cell.scope = "colgroup";
      cell.colSpan = place ? 2 : 1;
      return cell;
    }));
    const below = row(heading("col", what), ...models.flatMap((_, place) => [
      heading("col", "Value", "number"),
      ...(place ? [heading("col", "Against the baseline", "effect")] : []),
    ]));
    table.createTHead().append(top, below);
    let [body, group] = [null, null];
    for (const each of rows) {
      if (each.group !== group) {
        group = each.group;
        body = table.createTBody();
        const title = heading("rowgroup", group, "group");
        title.colSpan = 2 * models.length;
        body.append(row(title));
      }
      body.append(row(scoreHeading(each), ...models.flatMap((_, place) => [
        valueCell(each.cells[place], each.unit, each.cells),
        ...(place ? [effectCell(each.effects[place])] : []),
      ])));
    }
    return table;
  };

  return { cards, profile, differences };
})();
