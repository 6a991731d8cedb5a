/** The data of a chart as a table, for readers who can't see it or want the figures. */

import { oneTimeEnergyJ } from "../ranking.js";
import { greenness } from "../greenness.js";
import { SPACE, UNKNOWN, joules, number, perMegajoule, relative, share } from "../format.js";
import { fullCycleEnergyJ, linesDrawn, pointsDrawn } from "./energy.js";
import { greenDrawn, percentAt } from "./greenness.js";
import { atLeast, provenanceText, qualityText } from "./labels.js";
import { MOST_BARS, phasesOf } from "./phases.js";
import { entryUrl } from "../rows.js";

/** The lines of the first chart: what each entry costs before its first use, per image, and at the reader's N. */
export function energyTable({ energyChampions: champions, places, byKey, query, chosen = [] }) {
  const winners = new Set(champions.map(({ key }) => key));
  const rows = linesDrawn(champions, places, chosen).map((key) => {
    const entry = byKey.get(key);
    const bound = atLeast(entry);
    return [
      entry,
      bound + joules(oneTimeEnergyJ(entry, query.sharedBy)),
      joules(entry.inference_energy_j),
      bound + joules(fullCycleEnergyJ(entry, query.usageIntensity, query.sharedBy)),
      winners.has(key) ? "yes" : "no",
    ];
  });
  return { head: ["Method", "One-time", "Per image", "At your usage", "Wins at some usage"], rows, query };
}

/** The lines of the chart of greenness at the reader's N: in per cent of the greenest, and per MJ. */
export function greennessTable(view) {
  const { champions, byKey, query } = view;
  const head = ["Method", "Quality", "At your usage", "Per MJ", "Wins at some usage"];
  if (champions.length === 0) return { head, rows: [], query };
  const winners = new Set(champions.map(({ key }) => key));
  const percent = percentAt(view);
  const rows = greenDrawn(view).map((entry) => {
    const atMost = entry.complete ? "" : `≤${SPACE}`;
    const energyJ = fullCycleEnergyJ(entry, query.usageIntensity, query.sharedBy);
    return [
      entry,
      qualityText(entry),
      `${atMost}${number(percent(entry, query.usageIntensity))}${SPACE}%`,
      atMost + perMegajoule(greenness(energyJ, entry.quality, query.accuracyWeight)),
      winners.has(entry.key) ? "yes" : "no",
    ];
  });
  return { head, rows, query };
}

/** The points of the Pareto chart, the front first. */
export function qualityTable({ places, byKey, query }) {
  const { front, others } = pointsDrawn(places, byKey);
  const line = (place) => {
    const entry = byKey.get(place.key);
    return [
      entry,
      qualityText(entry),
      atLeast(entry) + joules(place.energy_j),
      relative(place.u95_j, place.energy_j),
      provenanceText(entry),
      place.pareto ? "yes" : "no",
    ];
  };
  return {
    head: ["Method", "Quality", "Full-cycle energy", "Uncertainty", "Provenance", "On the Pareto front"],
    rows: [...front, ...others].map(line),
    query,
  };
}

/** The bars: joules and share of every phase, with their provenance. */
export function phasesTable({ places, byKey, query }) {
  const rows = places.slice(0, MOST_BARS).flatMap((place) => {
    const entry = byKey.get(place.key);
    return phasesOf(entry, query.usageIntensity, query.sharedBy).map(({ phase, energyJ, provenance }) => [
      entry,
      phase,
      energyJ === null ? UNKNOWN : joules(energyJ),
      energyJ === null || place.energy_j <= 0 ? UNKNOWN : share(energyJ / place.energy_j),
      provenance,
    ]);
  });
  return { head: ["Method", "Phase", "Energy", "Share", "Provenance"], rows, query };
}

/**
 * Write a table whose rows begin with an entry, linked at the reader's usage; it stacks into cards on a phone, as the
 * site's other tables.
 */
export function fillTable(table, { head, rows, query }) {
  const headRow = document.createElement("tr");
  headRow.append(...head.map((text) => Object.assign(document.createElement("th"), { scope: "col", textContent: text })));
  table.tHead.replaceChildren(headRow);
  table.tBodies[0].replaceChildren(
    ...rows.map(([entry, ...texts]) => {
      const row = document.createElement("tr");
      const name = Object.assign(document.createElement("th"), { scope: "row" });
      const href = entryUrl(entry.entry, query);
      name.append(Object.assign(document.createElement("a"), { href, textContent: entry.method, dir: "auto" }));
      row.append(name, ...texts.map((text, at) => cell(head[at + 1], text)));
      return row;
    }),
  );
}

function cell(label, text) {
  const made = Object.assign(document.createElement("td"), { textContent: text });
  made.dataset.label = label;
  return made;
}
