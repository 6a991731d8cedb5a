/** Full-cycle energy by phase as stacked bars: a colour a phase, the same everywhere, and a pattern if not metered. */

import { energyAxisFromZero, isNarrow } from "./axes.js";
import { energyTitle } from "./energy.js";
import { images, joules } from "../format.js";
import { atLeast, cut, escape } from "./labels.js";

export const MOST_BARS = 12;
const PHASES = ["search", "pretrain", "train", "compress", "finetune", "inference"];
const SHARED_PHASES = new Set(["search", "pretrain"]);
const PATTERNS = { metered: "", extrapolated: "-", reported: ".", estimated: "/" };

/** What each phase of an entry's life costs at N and K, in order: {phase, energyJ (null if missing), provenance}. */
export function phasesOf(entry, usageIntensity, sharedBy) {
  const oneTime = entry.phases.map(({ phase, provenance, energy_j: energyJ }) => ({
    phase,
    provenance,
    energyJ: energyJ !== null && SHARED_PHASES.has(phase) ? energyJ / sharedBy : energyJ,
  }));
  const { inference_provenance: provenance, inference_energy_j: perImageJ } = entry;
  const energyJ = provenance === "missing" ? null : usageIntensity * perImageJ;
  return [...oneTime, { phase: "inference", provenance, energyJ }];
}

/** Bars of E(N, K) by phase for the first entries of a ranking, the best on top. */
export function phasesFigure({ places, byKey, query }) {
  const entries = places.slice(0, MOST_BARS).map((place) => byKey.get(place.key));
  const parts = entries.map((entry) => phasesOf(entry, query.usageIntensity, query.sharedBy));
  const most = isNarrow() ? 12 : 26;
  return {
    title: `Full-cycle energy by phase for ${images(query.usageIntensity)}`,
    drawn: entries.length,
    nameOf: (key) => byKey.get(key)?.method,
    data: [
      ...PHASES.map((phase) => phaseBars(phase, entries, parts)).filter((trace) => trace.x.length > 0),
      totals(places.slice(0, MOST_BARS), byKey),
    ],
    layout: {
      margin: { l: 8, r: 72, t: 16, b: 56 },
      barmode: "stack",
      bargap: 0.35,
      showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", traceorder: "normal" },
      xaxis: energyAxisFromZero(Math.max(0, ...places.slice(0, MOST_BARS).map((place) => place.energy_j)), energyTitle(query)),
      yaxis: {
        autorange: "reversed",
        automargin: true,
        showgrid: false,
        tickvals: entries.map((_, position) => position),
        ticktext: entries.map((entry) => `${entry.complete ? "" : "≥ "}${escape(cut(entry.method, most))} `),
      },
    },
  };
}

// The total of each bar, written at its end.
function totals(places, byKey) {
  return {
    type: "scatter",
    mode: "text",
    meta: { role: "totals" },
    showlegend: false,
    hoverinfo: "skip",
    cliponaxis: false,
    x: places.map((place) => place.energy_j),
    y: places.map((_, position) => position),
    text: places.map((place) => ` ${atLeast(byKey.get(place.key))}${joules(place.energy_j)}`),
    textposition: "middle right",
    textfont: { color: "--ink", size: 12 },
  };
}

function phaseBars(phase, entries, parts) {
  const found = parts.flatMap((ofEntry, position) =>
    ofEntry.filter((part) => part.phase === phase && part.energyJ !== null).map((part) => ({ ...part, position })),
  );
  return {
    type: "bar",
    orientation: "h",
    name: phase,
    meta: { role: "phase", phase },
    customdata: found.map((part) => entries[part.position].key),
    x: found.map((part) => part.energyJ),
    y: found.map((part) => part.position),
    hoverinfo: "text",
    hovertext: found.map((part) => `${escape(entries[part.position].method)}<br>${phase}: ${joules(part.energyJ)}, ${part.provenance}`),
    marker: {
      color: `--${phase}`,
      line: { color: "--sheet", width: 1 },
      // A pattern if it was not metered.
      pattern: {
        shape: found.map((part) => PATTERNS[part.provenance]),
        fillmode: "overlay",
        fgcolor: "--sheet",
        fgopacity: 0.55,
        size: 7,
        solidity: 0.25,
      },
    },
  };
}
