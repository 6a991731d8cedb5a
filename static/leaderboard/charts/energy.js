/**
 * Figures for Plotly out of a board's entries: plain data in, {title, drawn, data, layout} out, colours as tokens;
 * `drawn` is how many entries are in it.
 *
 * Entries have the snapshot's fields; joules, images, quality as a fraction. Nothing here asks the server, so that a
 * chart follows the slider at once.
 */

import { oneTimeEnergyJ } from "../ranking.js";
import { GREATEST_EXPONENT, energyAxis, isNarrow, plain, usageAxis } from "./axes.js";
import { count, images, joules, relative } from "../format.js";
import { atLeast, cut, escape, provenanceText, qualityText } from "./labels.js";

const POINTS_PER_DECADE = 4;
const GRID = Array.from({ length: GREATEST_EXPONENT * POINTS_PER_DECADE + 1 }, (_, step) => 10 ** (step / POINTS_PER_DECADE));
const LAST = GRID[GRID.length - 1];
// More could not be distinguished, and would be slow on a phone.
export const MOST_LINES = 40;
export const MOST_POINTS = 300;
// Never colour alone: each provenance has a shape, as the marks in the tables have.
const SYMBOLS = {
  metered: "circle",
  extrapolated: "circle-open-dot",
  reported: "diamond-open",
  estimated: "circle-open",
  missing: "triangle-right-open",
};
export const LABEL_LETTERS = 26;
// No line is below that of the winners.
const UNDER_THE_LINES = ["bottom right", "middle right", "bottom center", "bottom left", "top left", "middle left"];
const QUALITY_LABELS = { top1: "top-1" };
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];

export const fullCycleEnergyJ = (entry, usageIntensity, sharedBy) =>
  oneTimeEnergyJ(entry, sharedBy) + usageIntensity * entry.inference_energy_j;

/* Full-cycle energy against usage intensity */

/** Which lines are drawn: every champion, what is chosen, then the best placed at the reader's usage intensity. */
export function linesDrawn(champions, places, chosen = []) {
  const keys = new Set([...champions.map(({ key }) => key), ...chosen, ...places.map(({ key }) => key)]);
  return [...keys].slice(0, MOST_LINES);
}

/**
 * E(N, K) over N, both logarithmic, with the envelope of the champions of energy and its crossings. `marker`: the reader's usage
 * intensity. `named`: few lines, each with a dash and a name in the legend.
 */
export function energyFigure({ energyChampions: champions, places, byKey, query, chosen = [], named = false }) {
  const winners = new Set(champions.map(({ key }) => key));
  const drawn = linesDrawn(champions, places, chosen).map((key) => byKey.get(key));
  const data = drawn.map((entry, index) => {
    const kind = { isChampion: winners.has(entry.key), isChosen: chosen.includes(entry.key), named };
    return line(entry, index, query.sharedBy, kind);
  });
  if (champions.length > 0) data.push(envelope(champions, byKey, query.sharedBy), crossings(champions, byKey, query.sharedBy));
  return {
    title: "Full-cycle energy against usage intensity",
    drawn: drawn.length,
    marker: query.usageIntensity,
    nameOf: (key) => byKey.get(key)?.method,
    data,
    layout: {
      margin: { l: 76, r: 16, t: 16, b: 56 + legendHeight(named, drawn.length) },
      xaxis: usageAxis(),
      yaxis: energyAxis(data.flatMap(({ y }) => [y[0], y.at(-1)]), "Full-cycle energy"),
      showlegend: named,
      legend: { orientation: isNarrow() ? "v" : "h", yref: "container", y: 0.01, yanchor: "bottom" },
    },
  };
}

// Pixels; the envelope and its crossings have a line of their own.
function legendHeight(named, lines) {
  if (!named) return 0;
  return isNarrow() ? 19 * (lines + 2) : 24 * Math.ceil((lines + 2) / 4);
}

// Colours are for phases; lines differ by weight, dash and name.
function line(entry, index, sharedBy, { isChampion, isChosen, named }) {
  const width = isChosen ? 2 : isChampion ? 1.5 : 1;
  const dash = named ? DASHES[index % DASHES.length] : entry.complete ? (isChosen ? "dash" : "solid") : "dot";
  const color = isChampion ? "--accent" : isChosen ? "--ink" : named ? "--ink-soft" : "--rule-strong";
  const energies = GRID.map((n) => fullCycleEnergyJ(entry, n, sharedBy));
  return {
    type: "scatter",
    mode: "lines",
    name: escape(cut(entry.method, named ? 40 : 20)),
    meta: { role: isChampion ? "champion" : "entry", entry: entry.key },
    x: GRID,
    y: energies,
    hoverinfo: "text",
    hovertext: GRID.map((n, at) => `${escape(entry.method)}<br>${images(n)}: ${atLeast(entry)}${joules(energies[at])}`),
    line: { color, dash, width: named ? 2 : width },
  };
}

function envelope(champions, byKey, sharedBy) {
  const points = new Map();
  for (const { key, from_usage_intensity: start, to_usage_intensity: end } of champions) {
    const inside = GRID.filter((n) => start <= n && (end === null || n <= end));
    const edges = [start, end].filter((n) => n !== null && n >= 1 && n <= LAST);
    for (const n of [...inside, ...edges]) points.set(n, fullCycleEnergyJ(byKey.get(key), n, sharedBy));
  }
  const x = [...points.keys()].sort((a, b) => a - b);
  return {
    type: "scatter",
    mode: "lines",
    name: "Least energy",
    meta: { role: "envelope" },
    x,
    y: x.map((n) => points.get(n)),
    hoverinfo: "skip",
    line: { color: "--accent", width: 4 },
  };
}

function crossings(champions, byKey, sharedBy) {
  const seen = champions.filter(({ from_usage_intensity: start }) => start >= 1 && start <= LAST);
  const entries = seen.map(({ key }) => byKey.get(key));
  const x = seen.map(({ from_usage_intensity: start }) => start);
  const y = entries.map((entry, at) => fullCycleEnergyJ(entry, x[at], sharedBy));
  return {
    type: "scatter",
    // No room for words on a phone; they are in the table next to the chart.
    mode: isNarrow() ? "markers" : "markers+text",
    name: "The winner changes",
    meta: { role: "crossings" },
    x,
    y,
    labels: isNarrow()
      ? undefined
      : {
          texts: entries.map((entry, at) => `${plain(count(x[at]))} → ${escape(cut(entry.method, LABEL_LETTERS))}`),
          places: UNDER_THE_LINES,
        },
    textfont: { color: "--ink", size: 12 },
    hoverinfo: "text",
    hovertext: entries.map((entry, at) => `from ${images(x[at])} on: ${escape(entry.method)} (${joules(y[at])})`),
    marker: { color: "--sheet", size: 10, line: { color: "--ink", width: 2 } },
  };
}

/* Quality against full-cycle energy */

/**
 * The Pareto front, least energy first, and the others that are drawn: those nearest to it, whose energy is the
 * smallest multiple of what the front needs for as good a quality.
 */
export function pointsDrawn(places, byKey) {
  const quality = ({ key }) => byKey.get(key).quality;
  const known = places.filter((place) => quality(place) !== null);
  const front = known.filter((place) => place.pareto).sort((a, b) => a.energy_j - b.energy_j);
  const others = known.filter((place) => !place.pareto);
  const room = Math.max(0, MOST_POINTS - front.length);
  if (others.length <= room || front.length === 0) return { front, others: others.slice(0, room) };
  const qualities = front.map(quality);
  const excess = (place) => {
    let [low, high] = [0, qualities.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (qualities[middle] < quality(place)) low = middle + 1;
      else high = middle;
    }
    return place.energy_j / front[low].energy_j;
  };
  const nearest = others.map((place) => [excess(place), place]).sort(([a], [b]) => a - b);
  return { front, others: nearest.slice(0, room).map(([, place]) => place) };
}

/** Quality over E(N, K) at the reader's N, with the Pareto front. */
export function qualityFigure({ places, byKey, query, chosen = [] }) {
  const { front, others } = pointsDrawn(places, byKey);
  const picked = chosen.map((key) => places.find((place) => place.key === key)).filter(Boolean);
  const points = (chosen, role, color, size) => ({
    type: "scatter",
    mode: "markers",
    name: role,
    meta: { role },
    customdata: chosen.map((place) => place.key),
    x: chosen.map((place) => place.energy_j),
    y: chosen.map((place) => byKey.get(place.key).quality * 100),
    hoverinfo: "text",
    hovertext: chosen.map((place) => pointText(byKey.get(place.key), place)),
    marker: { color, size, symbol: chosen.map((place) => SYMBOLS[byKey.get(place.key).provenance]), line: { width: 1.5, color } },
  });
  const best = points(front, "front", "--accent", 10);
  return {
    title: `Quality against full-cycle energy for ${images(query.usageIntensity)}`,
    drawn: front.length + others.length,
    nameOf: (key) => byKey.get(key)?.method,
    data: [
      points(others, "entry", "--rule-strong", 7),
      { ...points(picked, "chosen", "--ink", 12), labels: namesOf(picked, byKey), mode: modeOf("markers") },
      {
        ...best,
        mode: modeOf("lines+markers"),
        line: { color: "--accent", width: 2, shape: "hv" },
        labels: namesOf(front, byKey),
        textfont: { color: "--ink", size: 12 },
        cliponaxis: false,
        error_x: {
          type: "data",
          array: front.map((place) => place.u95_j ?? 0),
          color: "--accent",
          thickness: 1,
          width: 3,
        },
      },
    ],
    layout: {
      margin: { l: 76, r: 16, t: 16, b: 56 },
      xaxis: energyAxis([...front, ...others].map((place) => place.energy_j), energyTitle(query)),
      yaxis: { ...qualityAxis([...front, ...others], byKey), ticksuffix: " %" },
    },
  };
}

const modeOf = (marks) => (isNarrow() ? marks : `${marks}+text`);

/** The names of points, the ends of the front before the rest: they say what is least and what is best. */
function namesOf(places, byKey) {
  if (isNarrow()) return undefined;
  const last = places.length - 1;
  const order = places.map((_, at) => at).sort((a, b) => Number(b % (last || 1) === 0) - Number(a % (last || 1) === 0));
  return { texts: places.map(({ key }) => escape(cut(byKey.get(key).method, LABEL_LETTERS))), order };
}

/** An axis of quality in per cent, with a margin around the points. */
function qualityAxis(places, byKey) {
  const values = places.map(({ key }) => byKey.get(key).quality * 100);
  const [least, most] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [0, 100];
  const edge = 0.08 * (most - least) || 0.5;
  return { title: { text: `Quality, ${qualityLabel(places, byKey)}` }, range: [least - edge, most + edge] };
}

export const energyTitle = (query) => `Full-cycle energy for ${plain(images(query.usageIntensity))}`;

function qualityLabel(places, byKey) {
  const metric = places.length > 0 ? byKey.get(places[0].key).quality_metric : "";
  return QUALITY_LABELS[metric] ?? metric;
}

const pointText = (entry, place) =>
  `${escape(entry.method)}<br>${qualityText(entry)}, ${atLeast(entry)}${joules(place.energy_j)} ` +
  `${relative(place.u95_j, place.energy_j)}<br>${provenanceText(entry)}`;
