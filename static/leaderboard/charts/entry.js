/** The charts of the pages about one entry or a few: drawn once, when they are near the visible part of the page. */

import { whenNear } from "./lazy.js";

let given = JSON.parse(document.getElementById("chart-data").textContent);

/** The page's entries as a board of their own, which energy.js and tables.js take. */
async function ownBoard() {
  const [{ champions, rank }, { assumptions }] = await Promise.all([import("../ranking.js"), import("../cost.js")]);
  const { entries, usage_intensity: usageIntensity, shared_by: sharedBy } = given;
  const winners = champions(entries, { sharedBy });
  return {
    query: { usageIntensity, sharedBy, assumptions: assumptions(document.getElementById("usage-form")) },
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
  const chart = new Chart(element);
  const redraw = async () => chart.draw(await make(element));
  onWidthChange(redraw);
  if (!element.dataset.source) document.addEventListener("usagechanged", redraw);
  await chart.draw(figure);
}

async function fillTable(details, kind) {
  const make = await import("./tables.js");
  make.fillTable(details.querySelector("table"), (kind === "phases" ? make.phasesTable : make.energyTable)(await ownBoard()));
}

// Before the charts hear of it.
document.addEventListener("usagechanged", ({ detail }) => (given = detail));

const drawn = new Map();
const drawOnce = (element) => drawn.get(element) ?? drawn.set(element, draw(element)).get(element);

document.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-print]")) return;
  await Promise.all([...document.querySelectorAll("[data-chart]")].map(drawOnce));
  window.print();
});

for (const element of document.querySelectorAll("[data-chart]")) {
  whenNear(element, () => drawOnce(element));
  const details = element.closest("figure").querySelector("details");
  details?.addEventListener("toggle", () => fillTable(details, element.dataset.chart), { once: true });
}
