"use strict";
// The comparison of two or three rows of a board: #_compare/<data set>/<recipe>,<recipe>.

function fillComparison(view, board, names) {
  const rows = rowsOf(board ?? data.boards[0]);
  const known = names.filter(name => rows.some(row => row.recipe === name)).slice(0, 3);
  const anchors = known.map(name => `${board}/${name}`);
  const heading = element("h2", {}, known.length ? `Compare ${known.join(", ")}` : "Compare");
  view.replaceChildren(heading, comparisonPicker(board ?? data.boards[0], rows, known));
  if (known.length < 2) {
    view.append(element("p", { class: "none" }, "Choose two or three rows of one data set."));
    return;
  }
  view.append(factsTable(board, known), differencesTable(board, anchors),
    element("p", { class: "remark" }, "Intervals are Welch's over the seeds, each for its pair"
      + " alone; the ranks of the board correct for all its pairs."));
  for (const [kind, caption] of [
    ["compareCurves", "Learning curves on the validation split, a line a seed"],
    ["compareRanks", "Rank ratio of the trained networks, ± sd over seeds; noise is 1"],
  ]) {
    const figure = element("figure", { "data-chart": kind }, element("figcaption", {}, caption));
    view.append(figure);
    open(figure, anchors);
  }
}

function comparisonPicker(board, rows, known) {
  const selects = [0, 1, 2].map(at => element("select", { "aria-label": `row ${at + 1}` },
    element("option", { value: "" }, "none"),
    ...rows.map(row => element("option", known[at] === row.recipe
      ? { value: row.recipe, selected: "" } : { value: row.recipe }, row.recipe))));
  for (const select of selects) select.addEventListener("change", () => {
    const chosen = new Set(selects.map(each => each.value).filter(Boolean));
    location.hash = compareLink(board, [...chosen]);
  });
  const back = element("a", { href: `#${encodeURIComponent(board)}` }, `Board of ${board}`);
  return element("div", { class: "controls" }, ...selects, back);
}

/** The cells of the board's table, a column a row compared. */
function factsTable(board, names) {
  const tables = [...document.querySelectorAll("table.board")];
  const table = tables.find(each => each.dataset.board === board);
  const rows = [...table.querySelectorAll("tr.row")];
  const chosen = names.map(name => rows.find(row => row.cells[0].textContent.trim() === name));
  const body = [...table.tHead.rows[0].cells].slice(1).map((head, at) => element("tr", {},
    element("th", { scope: "row", title: head.title }, head.textContent),
    ...chosen.map(row => element("td", {}, row.cells[at + 1].textContent))))
    .filter(line => [...line.cells].slice(1).some(cell => cell.textContent));
  return scrolled(element("table", {}, element("caption", {}, "Side by side"),
    headOf(["", ...names]), element("tbody", {}, ...body)));
}

/** The difference of each pair in both measures, the first less the second. */
function differencesTable(board, anchors) {
  const rows = anchors.flatMap((one, at) => anchors.slice(at + 1).map(other => [one, other]))
    .map(([one, other]) => element("tr", {},
      element("th", { scope: "row" }, `${data.rows[one].recipe} − ${data.rows[other].recipe}`),
      ...[0, 1].map(at => element("td", {}, differenceText(board, one, other, at)))));
  return scrolled(element("table", {}, element("caption", {}, "Differences, 95 %"),
    headOf(["", "test AUC", "test LogLoss"]), element("tbody", {}, ...rows)));
}

function differenceText(board, one, other, at) {
  const pairs = data.pairs[board];
  const kept = pairs[`${one} ${other}`]?.[at];
  const turned = pairs[`${other} ${one}`]?.[at];
  if (!kept && !turned) return "no interval: other data, or fewer than two seeds";
  const [value, low, high] = kept ?? [-turned[0], -turned[2], -turned[1]];
  const signed = d3.format("+.5f");
  return `${signed(value)} (${signed(low)} to ${signed(high)})`;
}

function headOf(titles) {
  const cells = titles.map(title => element("th", { scope: "col" }, title));
  return element("thead", {}, element("tr", {}, ...cells));
}

function scrolled(table) {
  const label = table.caption.textContent;
  return element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": label }, table);
}
