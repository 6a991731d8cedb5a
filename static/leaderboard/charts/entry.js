/** The charts of the pages about one entry or a few: drawn once, when they are near the visible part of the page. */

import { whenNear } from "./lazy.js";

const CARRIED = ["region", "pue", "price_region", "price_per_kwh", "currency"];
let given = JSON.parse(document.getElementById("chart-data").textContent);

/** Grid and price of the page's address, for links to other entries. */
function carried() {
  const asked = new URLSearchParams(location.search);
  const present = CARRIED.filter((name) => asked.get(name));
  return present.map((name) => `${name}=${encodeURIComponent(asked.get(name))}`);
}

/** The page's entries as a board of their own, which energy.js and tables.js take. */
async function ownBoard() {
  const { champions, rank } = await import("../ranking.js");
  const { entries, usage_intensity: usageIntensity, shared_by: sharedBy } = given;
  const winners = champions(entries, { sharedBy });
  return {
    query: { usageIntensity, sharedBy, assumptions: carried() },
    places: rank(entries, usageIntensity, { sharedBy }),
    champions: winners,
    energyChampions: winners,
    byKey: new Map(entries.map((entry) => [entry.key, entry])),
    named: true,
  };
}

const MAKE = {
  lines: async () => (await import("./energy.js")).energyFigure(await ownBoard()),
  phases: async () => (await import("./phases.js")).phasesFigure(await ownBoard()),
  powers: async (element) => {
    const sources = element.dataset.source.split(" ");
    const [{ powersFigure }, ...answers] = await Promise.all([import("./powers.js"), ...sources.map((source) => fetch(source))]);
    if (!answers.every(({ ok }) => ok)) return null;
    const named = async (answer, at) => ({ ...(await answer.json()), name: `run ${sources[at].split("/").at(-2)}` });
    return powersFigure(await Promise.all(answers.map(named)));
  },
  power: async (element) => {
    const [answer, { powerFigure }] = await Promise.all([fetch(element.dataset.source), import("./power.js")]);
    return answer.ok ? powerFigure(await answer.json()) : null;
  },
};

const charts = new Map();

async function draw(element) {
  const make = MAKE[element.dataset.chart];
  const [figure, { Chart }, { onWidthChange }] = await Promise.all([
    make(element),
    import("./charts.js"),
    import("./axes.js"),
  ]);
  if (figure === null) {
    element.textContent = "The power trace can't be read.";
    return;
  }
  if (!charts.has(element)) {
    charts.set(element, new Chart(element));
    const redraw = async () => charts.get(element).draw(await make(element));
    onWidthChange(redraw);
    if (!element.dataset.source) document.addEventListener("usagechanged", redraw);
  }
  await charts.get(element).draw(figure);
}

async function fillTable(details, kind) {
  const make = await import("./tables.js");
  make.fillTable(details.querySelector("table"), (kind === "phases" ? make.phasesTable : make.energyTable)(await ownBoard()));
}

// Before the charts hear of it.
document.addEventListener("usagechanged", ({ detail }) => (given = detail));

const drawn = new Map();

/** Draw a chart unless that is done, or under way. A failure is not kept. */
function drawOnce(element) {
  if (!drawn.has(element)) drawn.set(element, draw(element).catch((fault) => (drawn.delete(element), Promise.reject(fault))));
  return drawn.get(element);
}

document.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-print]")) return;
  await Promise.allSettled([...document.querySelectorAll("[data-chart]")].map(drawOnce));
  window.print();
});

for (const element of document.querySelectorAll("[data-chart]")) {
  whenNear(element, () => drawOnce(element));
  const details = element.closest("figure").querySelector("details");
  details?.addEventListener("toggle", () => fillTable(details, element.dataset.chart), { once: true });
}
