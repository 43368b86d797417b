"use strict";
// Boards: sorting within each track, filtering, and the choice of columns and of rows to compare.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The value a cell is sorted by: a number, or text; null where it is missing. */
function sortValue(cell) {
  if (cell.tagName === "TH") return cell.textContent;
  const value = cell.dataset.v;
  if (value === undefined) return null;
  return value === "" || isNaN(value) ? value : Number(value);
}

function compareValues(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "number" ? a - b : String(a).localeCompare(String(b)));
}

/** Sort the rows of every track by a column; rows without a value stay last. */
function sortBoard(table, index, descending) {
  const sign = descending ? -1 : 1;
  for (const body of table.tBodies) {
    const rows = [...body.querySelectorAll("tr.row")];
    const values = new Map(rows.map(row => [row, sortValue(row.cells[index])]));
    rows.sort((a, b) => compareValues(values.get(a), values.get(b), sign));
    body.append(...rows);
  }
  const heads = [...table.tHead.rows[0].cells];
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[index].setAttribute("aria-sort", descending ? "descending" : "ascending");
  table.dataset.ties = heads[index].textContent.includes("LogLoss") ? "logloss" : "auc";
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, index) => {
    const button = element("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () =>
      sortBoard(table, index, head.getAttribute("aria-sort") === "ascending"));
    head.replaceChildren(button);
  });
  table.tHead.rows[0].cells[1].setAttribute("aria-sort", "ascending");
}

/** A search field that hides the rows without its words, and says how many are left. */
function filterOf(table) {
  const field = element("input", { type: "search", placeholder: "e.g. rankmixer" });
  const rows = [...table.querySelectorAll("tr.row")];
  const count = element("span", { role: "status", class: "none" });
  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
    for (const body of table.tBodies) body.hidden = !body.querySelector("tr.row:not([hidden])");
    const left = rows.filter(row => !row.hidden).length;
    count.textContent = words.length ? `${left} of ${rows.length} rows` : "";
  };
  field.addEventListener("input", apply);
  return [element("label", {}, "Filter rows ", field), count];
}

function showColumn(table, index, shown) {
  for (const row of table.rows)
    if (!row.classList.contains("track")) row.cells[index].hidden = !shown;
}

function chooserOf(table) {
  const boxes = [...table.tHead.rows[0].cells].slice(1).map((head, at) => {
    const filled = [...table.querySelectorAll("tr.row")].some(row => row.cells[at + 1].textContent);
    const shown = head.dataset.shown === "1" && filled;
    const box = element("input", shown ? { type: "checkbox", checked: "" } : { type: "checkbox" });
    box.addEventListener("change", () => showColumn(table, at + 1, box.checked));
    showColumn(table, at + 1, shown);
    return element("label", { title: head.title }, box, " ", head.textContent);
  });
  const list = element("div", { class: "columns" }, ...boxes);
  return element("details", {}, element("summary", {}, "Columns"), list);
}

/** A box a row, and a link to the comparison of the two or three that are ticked. */
function pickerOf(table) {
  const link = element("a", { class: "button" });
  const ticked = () => [...table.querySelectorAll("tr.row input:checked")];
  const update = () => {
    const names = ticked().map(box => box.value);
    const ready = names.length === 2 || names.length === 3;
    link.textContent = ready ? `Compare ${names.length} rows` : "Tick two or three rows to compare";
    if (ready) link.href = compareLink(table.dataset.board, names);
    else link.removeAttribute("href");
  };
  for (const row of table.querySelectorAll("tr.row")) {
    const name = row.cells[0].textContent.trim();
    const box = element("input", { type: "checkbox", value: name, "aria-label": `compare ${name}` });
    box.addEventListener("change", update);
    row.cells[0].prepend(box);
  }
  update();
  return link;
}

function compareLink(board, names) {
  return `#_compare/${encodeURIComponent(board)}/${names.map(encodeURIComponent).join(",")}`;
}

function enhanceBoard(table) {
  const choose = chooserOf(table);
  makeSortable(table);
  const controls = element("div", { class: "controls" }, ...filterOf(table), pickerOf(table), choose);
  table.parentElement.before(controls);
}
