"use strict";
// The plots of the page, by the name in a figure's data-chart. Each function of `charts` takes the
// key of its figure and the chosen options, and returns the options of Plot.plot, or null where
// there is nothing to draw.

const data = JSON.parse(document.getElementById("data").textContent);
// blue and black have a lighter form on a dark ground
const colors = data.palette.map((color, at) =>
  at === 0 ? "var(--mark)" : color === "#000000" ? "currentColor" : color);
const [BLUE, ORANGE, GREEN] = colors;
const GREY = "var(--quiet)";
const count = d3.format(",");

/** Options that a reader chooses for a kind of chart: label, then value and text of each choice. */
const QUALITY = ["Quality", [["auc", "AUC"], ["logloss", "LogLoss"]]];
const SIZE = ["Size", [["parameters", "dense parameters with head"], ["flops", "FLOPs a sample"]]];
const RANGE = ["Rows", [["all", "all"], ["best", "the better half"]]];
const FORM = ["Form", [["batch", "batch: a token over rows"], ["token", "token: tokens of a row"]]];
const AXIS = ["Size", [...SIZE[1], ["rows", "training rows"]]];
const choices = {
  pareto: [QUALITY, SIZE, RANGE], curves: [QUALITY], ranks: [FORM], laws: [AXIS],
  compareCurves: [QUALITY], compareRanks: [FORM],
};
const titles = { auc: "test AUC", logloss: "test LogLoss" };
const better = { auc: "higher is better", logloss: "lower is better" };

/** A logarithmic axis of sizes, its label below the numbers. */
function sizes(label) {
  return { type: "log", label: `${label} →`, tickFormat: "~s", grid: true, labelOffset: 38 };
}

/** At most six names, two where it is narrow, so that they do not overlap. */
function fewer(rows) {
  const every = Math.ceil(rows.length / (innerWidth < 640 ? 2 : 6));
  return rows.filter((row, at) => (rows.length - 1 - at) % every === 0);
}

function rowsOf(board) {
  return Object.values(data.rows).filter(row => row.board === board);
}

/** Rows with their mean quality and size; a size of 0 is drawn at 1, as the scale is logarithmic. */
function sized(board, quality, size) {
  const at = quality === "auc" ? 1 : 2;
  return rowsOf(board).map(row => ({
    name: row.recipe, x: Math.max(row[size], 1), y: d3.mean(row.seeds, seed => seed[at]),
    seeds: row.seeds.map(seed => ({ seed: seed[0], y: seed[at] })), ranked: row.ranked,
  }));
}

/** The rows than which none is smaller and better at once, by size. */
function front(rows, sign) {
  const found = [];
  for (const row of d3.sort(rows, row => row.x, row => -sign * row.y))
    if (!found.length || sign * row.y > sign * found.at(-1).y) found.push(row);
  return found;
}

/** The rungs of the ladders of a data set along an axis, as points of lines. */
function rungs(board, quality, axis) {
  const laws = (data.ladders[board] ?? []).filter(law => law.axis === axis);
  return laws.flatMap(law => law.sizes
    .filter(size => size[quality] !== undefined)
    .map(size => ({ law, name: `${law.recipe}, ladder`, x: size.size, y: size[quality] })));
}

const charts = {
  pareto(board, [quality, size, range]) {
    const sign = quality === "auc" ? 1 : -1;
    let rows = sized(board, quality, size);
    const middle = d3.median(rows, row => sign * row.y);
    if (range === "best") rows = rows.filter(row => sign * row.y >= middle);
    if (!rows.length) return null;
    const seeds = rows.flatMap(row => row.seeds.map(seed => ({ ...row, ...seed })));
    const best = front(rows.filter(row => row.ranked), sign);
    const ladders = rungs(board, quality, size);
    return {
      x: sizes(choiceText(SIZE, size)),
      y: { label: `${titles[quality]}, ${better[quality]}`, nice: true, grid: true },
      marginRight: 90, marginBottom: 45,
      marks: [
        Plot.line(ladders, { x: "x", y: "y", z: "name", stroke: GREEN, marker: "circle" }),
        Plot.line(best, { x: "x", y: "y", stroke: ORANGE, strokeDasharray: "4 3" }),
        Plot.dot(seeds, { x: "x", y: "y", r: 2, fill: BLUE, fillOpacity: 0.35 }),
        Plot.dot(rows, { x: "x", y: "y", r: 5, stroke: BLUE, strokeWidth: 1.5,
          symbol: row => row.ranked ? "circle" : "times" }),
        Plot.text(fewer(best), { x: "x", y: "y", text: "name", dx: 8, dy: -8, textAnchor: "start",
          fill: "currentColor", stroke: "var(--ground)" }),
        Plot.tip([...seeds, ...ladders], Plot.pointer({ x: "x", y: "y", title: point =>
          [point.name, point.seed === undefined ? "" : `seed ${point.seed}`,
            `${titles[quality]} ${point.y}`, `size ${count(point.x)}`].filter(Boolean).join("\n") })),
      ],
    };
  },

  curves(anchor, [quality]) {
    return curvePlot([[data.rows[anchor].recipe, data.rows[anchor]]], quality, false);
  },

  ranks(anchor, [form]) {
    const row = data.rows[anchor];
    return rankPlot(row.stages, ["untrained", "trained"].map((when, at) =>
      ({ name: when, course: row.ranks[form][when], color: at ? BLUE : GREY, dashed: !at })));
  },

  tables(anchor) {
    const points = data.rows[anchor].tables.flatMap(([field, size, limit, plain, weighted]) => [
      { field, size, limit, y: plain, kind: "each id once" },
      { field, size, limit, y: weighted, kind: "by its count" },
    ]).filter(point => point.y !== null);
    if (!points.length) return null;
    return {
      x: sizes("cardinality"), marginBottom: 45,
      y: { label: "information abundance", zero: true, grid: true },
      color: { legend: true, domain: ["each id once", "by its count"], range: [BLUE, ORANGE] },
      symbol: { domain: ["each id once", "by its count"], range: ["circle", "triangle"] },
      marks: [
        Plot.text(points, { x: "size", y: "limit", text: () => "–", fontSize: 16, fill: GREY }),
        Plot.text(points, Plot.selectMaxX({ x: "size", y: "limit", text: () => "largest possible",
          dy: -8, textAnchor: "end", fill: GREY })),
        Plot.dot(points, { x: "size", y: "y", stroke: "kind", symbol: "kind", tip: true,
          channels: { field: "field" } }),
      ],
    };
  },

  claim(sentence) {
    const verdicts = data.claims.filter(each => each.claim === sentence);
    const measured = verdicts.flatMap((each, at) => Object.entries(each.effects).map(
      ([name, effect]) => ({ ...effect, claimed: each.claimed, verdict: each.verdict,
        name: `${each.dataset}${name && ", "}${name}${" ".repeat(at)}` })));
    if (!measured.length) return null;
    return {
      marginLeft: 150, height: 60 + 28 * measured.length,
      x: { label: "effect →", grid: true }, y: { label: null, domain: measured.map(m => m.name) },
      color: { legend: true, domain: ["measured, 95 %", "claimed"], range: [BLUE, ORANGE] },
      marks: [
        Plot.ruleX([0]),
        Plot.ruleY(measured, { y: "name", x1: "low", x2: "high", stroke: BLUE, strokeWidth: 2 }),
        Plot.dot(measured, { y: "name", x: "value", fill: BLUE, r: 4, tip: true,
          channels: { verdict: "verdict", n: "n" } }),
        Plot.tickX(measured, { y: "name", x: "claimed", stroke: ORANGE, strokeWidth: 3 }),
      ],
    };
  },

  laws(board, [axis]) {
    const points = rungs(board, "logloss", axis);
    if (!points.length) return null;
    const names = [...new Set(points.map(point => point.law.recipe))];
    const fitted = data.ladders[board].filter(law => law.axis === axis && law.E !== undefined);
    const ends = d3.extent(points, point => point.x);
    const lines = fitted.flatMap(law => d3.range(41).map(step => {
      const x = ends[0] * (ends[1] / ends[0]) ** (step / 40);
      return { name: law.recipe, x, y: law.E + law.A * (x / law.x0) ** -law.alpha };
    }));
    const sd = point => point.law.sizes.find(size => size.size === point.x).logloss_sd ?? 0;
    return {
      x: sizes(choiceText(AXIS, axis)), marginBottom: 45,
      y: { label: `test LogLoss, ${better.logloss}`, grid: true },
      color: { legend: true, domain: names, range: colors },
      marks: [
        Plot.line(lines, { x: "x", y: "y", stroke: "name" }),
        Plot.ruleX(points, { x: "x", y1: point => point.y - sd(point),
          y2: point => point.y + sd(point), stroke: point => point.law.recipe }),
        Plot.dot(points, { x: "x", y: "y", stroke: point => point.law.recipe,
          symbol: point => point.law.recipe, tip: true,
          channels: { verdict: point => point.law.verdict } }),
      ],
    };
  },

  compareCurves(anchors, [quality]) {
    return curvePlot(anchors.map(anchor => [data.rows[anchor].recipe, data.rows[anchor]]), quality,
      true);
  },

  compareRanks(anchors, [form]) {
    const rows = anchors.map(anchor => data.rows[anchor]);
    const stages = [...new Set(rows.flatMap(row => row.stages))];
    return rankPlot(stages, rows.map((row, at) => ({ name: row.recipe, color: colors[at],
      dashed: false, course: stages.map(stage =>
        row.ranks[form].trained[row.stages.indexOf(stage)] ?? null) })));
  },
};

/** Validation quality by step, a line a seed, with a dot at its best step. */
function curvePlot(named, quality, legend) {
  const at = quality === "auc" ? 1 : 2;
  const points = named.flatMap(([name, row]) => row.curves.flatMap(curve => curve.points.map(
    point => ({ name, seed: curve.seed, line: `${name} ${curve.seed}`, x: point[0], y: point[at] / 1e5,
      best: point[0] === curve.best }))));
  if (!points.length) return null;
  return {
    x: { label: "training step →", tickFormat: "~s", labelOffset: 38 }, marginBottom: 45,
    y: { label: `validation ${choiceText(QUALITY, quality)}, ${better[quality]}`, grid: true },
    color: { legend, domain: named.map(([name]) => name), range: colors },
    marks: [
      Plot.line(points, { x: "x", y: "y", z: "line", stroke: "name", strokeOpacity: 0.7 }),
      Plot.dot(points.filter(point => point.best), { x: "x", y: "y", fill: "name", r: 3.5 }),
      Plot.tip(points, Plot.pointer({ x: "x", y: "y",
        title: point => `${point.line ? `${point.name}, seed ${point.seed}` : ""}\nstep ${
          count(point.x)}: ${point.y}${point.best ? "\nbest epoch" : ""}` })),
    ],
  };
}

/** Courses of the rank ratio through stages, with their sd, and the line of noise. */
function rankPlot(stages, courses) {
  const points = courses.flatMap(({ name, course }) => course
    .map((band, at) => band && { name, stage: stages[at], y: band[0], sd: band[1] })
    .filter(Boolean));
  if (!points.length) return null;
  return {
    x: { type: "point", domain: stages, label: null, tickRotate: -45 }, marginBottom: 90,
    y: { label: "rank ratio", zero: true, grid: true },
    color: { legend: true, domain: courses.map(course => course.name),
      range: courses.map(course => course.color) },
    marks: [
      Plot.ruleY([1], { strokeDasharray: "2 3" }),
      Plot.text(["noise"], { y: 1, frameAnchor: "right", dy: -7, fill: GREY }),
      ...courses.map(({ name, dashed }) => Plot.line(points.filter(point => point.name === name),
        { x: "stage", y: "y", stroke: "name", strokeDasharray: dashed ? "5 4" : null })),
      Plot.ruleX(points, { x: "stage", y1: point => point.y - point.sd,
        y2: point => point.y + point.sd, stroke: "name" }),
      Plot.dot(points, { x: "stage", y: "y", fill: "name", symbol: "name", tip: true,
        channels: { sd: "sd" } }),
    ],
  };
}

function choiceText([, options], value) {
  return options.find(([key]) => key === value)[1];
}
