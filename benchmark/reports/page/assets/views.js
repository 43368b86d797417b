"use strict";
// Views: of the page's sections the one that the address names is shown, and its figures drawn.

/** Draw a figure anew; it is hidden where there is nothing to draw. */
function draw(figure, key = figure.dataset.key) {
  const kind = figure.dataset.chart;
  const chosen = [...figure.querySelectorAll("select")].map(select => select.value);
  figure.classList.add("drawn");
  const options = charts[kind](key, chosen);
  const old = figure.querySelector(".plot");
  const drawn = options && Plot.plot({
    width: Math.max(300, figure.clientWidth), height: 340, marginLeft: 60,
    style: { background: "transparent", fontSize: "12px" },
    ariaLabel: figure.querySelector("figcaption").textContent, ...options,
  });
  const place = element("div", { class: "plot" },
    drawn ?? element("p", { class: "none" }, "Nothing to draw with these choices."));
  if (old) old.replaceWith(place);
  else if (drawn || chosen.length) figure.append(place);
  figure.classList.toggle("drawn", Boolean(drawn || figure.dataset.once));
  if (drawn) figure.dataset.once = "1";
}

/** Add the choices of a figure's kind, once, and draw it. */
function open(figure, key) {
  const kind = figure.dataset.chart;
  if (!figure.querySelector(".controls")) {
    const selects = (choices[kind] ?? []).map(([label, options]) => {
      const select = element("select", {},
        ...options.map(([value, text]) => element("option", { value }, text)));
      select.addEventListener("change", () => draw(figure, key));
      return element("label", {}, `${label} `, select);
    });
    if (selects.length) figure.append(element("div", { class: "controls" }, ...selects));
  }
  draw(figure, key);
}

function address() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

/** Show the section that the address names: of an unknown row its board, else the first one. */
function route(event) {
  const name = address();
  const views = [...document.querySelectorAll(".view")];
  const [kind, board, names] = name.split("/");
  const named = wanted => views.find(each => each.id === wanted);
  const view = named(name) ?? named(kind) ?? views[0];
  if (event && document.getElementById(name) && view.id !== name) return;  // a link inside a view
  for (const each of views) each.classList.toggle("open", each === view);
  if (view.id === "_compare") fillComparison(view, board, (names ?? "").split(",").filter(Boolean));
  for (const link of document.querySelectorAll("nav a")) {
    const here = decodeURIComponent(link.hash.slice(1));
    if ([view.id, view.id.split("/")[0], board].includes(here)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = view.querySelector("h2");
  document.title = `${heading.textContent}: CTR benchmark`;
  if (view.id !== "_compare") view.querySelectorAll("figure").forEach(figure => open(figure));
  if (event) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

document.documentElement.classList.add("js");
document.querySelectorAll("table.board").forEach(enhanceBoard);
addEventListener("hashchange", route);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  document.querySelectorAll(".view.open figure[data-key]").forEach(figure => draw(figure));
});
route();
