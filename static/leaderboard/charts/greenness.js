/** Greenness against usage intensity: each line in per cent of the greenest entry at that usage, which has 100. */

import { GREATEST_EXPONENT, isNarrow, plain, usageAxis } from "./axes.js";
import { LABEL_LETTERS, fullCycleEnergyJ, linesDrawn } from "./energy.js";
import { accuracyFactor, percentOfBest, scaled } from "../greenness.js";
import { count, images, number, weight } from "../format.js";
import { atLeast, cut, escape } from "./labels.js";

const POINTS_PER_DECADE = 8; // a winner's line has its peak within a decade
const GRID = Array.from({ length: GREATEST_EXPONENT * POINTS_PER_DECADE + 1 }, (_, step) => 10 ** (step / POINTS_PER_DECADE));

/** The entries that are drawn: every champion, then the best placed; only ranked ones, for others have no greenness. */
export function greenDrawn({ champions, places, byKey, chosen = [] }) {
  const ranked = places.filter(({ rank }) => rank !== null);
  const keys = new Set(ranked.map(({ key }) => key));
  return linesDrawn(champions, ranked, chosen.filter((key) => keys.has(key))).map((key) => byKey.get(key));
}

/** A function that gives an entry's greenness at N images in per cent of the greenest's; `query` has τ. */
export function percentAt({ champions, byKey, query }) {
  const factors = new Map();
  const factorOf = (entry) => {
    if (!factors.has(entry)) factors.set(entry, accuracyFactor(entry.quality, query.accuracyWeight));
    return factors.get(entry);
  };
  const scaledJ = (entry, n) => scaled(fullCycleEnergyJ(entry, n, query.sharedBy), factorOf(entry));
  const bestAt = (n) => champions.findLast(({ from_usage_intensity: start }) => start <= n);
  return (entry, n) => percentOfBest(scaledJ(entry, n), scaledJ(byKey.get(bestAt(n).key), n));
}

/** G(N, τ) over N, in per cent of the greenest at each N, with the usages where the winner changes. */
export function greennessFigure(view) {
  const { champions, query } = view;
  const winners = new Set(champions.map(({ key }) => key));
  const drawn = champions.length > 0 ? greenDrawn(view) : [];
  const changes = champions.filter(({ from_usage_intensity: start }) => start >= 1 && start <= 10 ** GREATEST_EXPONENT);
  const x = [...GRID, ...changes.map(({ from_usage_intensity: start }) => start)].sort((a, b) => a - b);
  const percent = percentAt(view);
  const data = drawn.map((entry) => line(entry, x, (n) => percent(entry, n), winners.has(entry.key)));
  if (drawn.length > 0) data.push(crossings(changes, view));
  return {
    title: `Greenness against usage intensity at τ = ${weight(query.accuracyWeight)}`,
    drawn: drawn.length,
    marker: query.usageIntensity,
    accuracyWeight: query.accuracyWeight,
    nameOf: (key) => view.byKey.get(key)?.method,
    data,
    layout: {
      margin: { l: 76, r: 16, t: 16, b: 56 },
      xaxis: usageAxis(),
      yaxis: { title: { text: isNarrow() ? "Greenness, %" : "Greenness, % of the greenest" }, range: [0, 112], tickvals: [0, 25, 50, 75, 100] },
    },
  };
}

function line(entry, x, percent, isChampion) {
  const y = x.map(percent);
  return {
    type: "scatter",
    mode: "lines",
    name: escape(cut(entry.method)),
    meta: { role: isChampion ? "champion" : "entry", entry: entry.key },
    x,
    y,
    hoverinfo: "text",
    hovertext: x.map((n, at) => `${escape(entry.method)}<br>${images(n)}: ${atLeast(entry) && "≤ "}${number(y[at])} %`),
    line: {
      color: isChampion ? "--accent" : "--rule-strong",
      dash: entry.complete ? "solid" : "dot",
      width: isChampion ? 2.5 : 1,
    },
  };
}

function crossings(changes, { byKey }) {
  const names = changes.map(({ key }) => byKey.get(key).method);
  const x = changes.map(({ from_usage_intensity: start }) => start);
  return {
    type: "scatter",
    mode: isNarrow() ? "markers" : "markers+text",
    name: "The winner changes",
    meta: { role: "crossings" },
    x,
    y: x.map(() => 100),
    labels: isNarrow()
      ? undefined
      : { texts: names.map((name, at) => `${plain(count(x[at]))} → ${escape(cut(name, LABEL_LETTERS))}`) },
    textfont: { color: "--ink", size: 12 },
    hoverinfo: "text",
    hovertext: names.map((name, at) => `from ${images(x[at])} on: ${escape(name)}`),
    marker: { color: "--sheet", size: 10, line: { color: "--ink", width: 2 } },
  };
}
