/**
 * What each limit leaves, in words and as a small histogram of kept and dropped entries. Loaded when its fold is first
 * opened; says what leaderboard/presentation/constraints.py says.
 */

import { write } from "./draw.js";
import { SPACE, count, floorPercent, milliseconds, si } from "./format.js";
import { keeps, limitFields } from "./limits.js";

const [BINS, WIDTH, HEIGHT, GAP] = [24, 120, 24, 1];
const fold = document.getElementById("constraints");
const inForce = document.getElementById("constraints-in-force");
const qualityLine = document.getElementById("quality_effect");
const histograms = new Map([...fold.querySelectorAll("[data-histogram]")].map((svg) => [svg.dataset.histogram, svg]));

let view = null; // what the board has drawn last
let drawnOf = null; // its entries when the fold was drawn last

const grouped = (number) => number.toLocaleString("en-US");

/** Of the entries that every other limit lets through: those that each limit keeps, drops, and has no figure of. */
function effectsOf({ board, query }) {
  const { columns } = board;
  const { constraints } = query;
  const effects = new Map(limitFields.map(({ name }) => [name, { kept: [], dropped: [], unknown: 0 }]));
  for (const index of board.filter({ ...query, constraints: [] }).eligible) {
    const failed = constraints.filter((limit) => !keeps(columns, limit, index));
    if (failed.length > 1) continue; // two leave it out, so no single one would let it in
    for (const { name, dataset } of limitFields) {
      if (failed.length === 1 && failed[0].name !== name) continue;
      const [effect, value] = [effects.get(name), columns[dataset.figure][index]];
      if (value === null) effect.unknown += 1;
      else effect[failed.length === 1 ? "dropped" : "kept"].push(value);
    }
  }
  return effects;
}

/** "leaves 212 of 412; of 40 the memory is not known" */
function words({ kept, dropped, unknown }, noun) {
  const known = unknown > 0 ? `; of ${grouped(unknown)} the ${noun} is not known` : "";
  return `leaves ${grouped(kept.length)} of ${grouped(kept.length + dropped.length + unknown)}${known}`;
}

/** The limits in force in words: "latency ≤ 10.0 ms, memory ≤ 512 MB". */
function inForceWords({ constraints }) {
  return constraints
    .map(({ name, limit }) => {
      const { limit: kind, noun, amount, unit, figure } = document.getElementById(name).dataset;
      const inUnit = amount === "time" ? milliseconds(limit) : si(limit, unit);
      return `${noun} ${kind === "max" ? "≤" : "≥"}${SPACE}${figure === "batch_size" ? count(limit) : inUnit}`;
    })
    .join(", ");
}

function draw() {
  const said = inForceWords(view.query);
  write(inForce, said && `: ${said}`);
  if (!fold.open || drawnOf === view.eligible) return;
  drawnOf = view.eligible;
  const chosen = new Set(view.query.constraints.map(({ name }) => name));
  for (const [name, effect] of effectsOf(view)) {
    const { dataset } = document.getElementById(name);
    write(document.getElementById(`${name}_effect`), chosen.has(name) ? words(effect, dataset.noun) : "");
    drawHistogram(histograms.get(name), effect, Math.log);
  }
  drawQuality(view);
}

function drawQuality({ board, query, eligible, belowFloor }) {
  const { minQuality } = query;
  const floor = minQuality > 0 ? `at least ${floorPercent(minQuality)}` : "no floor";
  write(qualityLine, `${floor}, leaves ${grouped(eligible.length)} of ${grouped(eligible.length + belowFloor)}`);
  const effect = { kept: [], dropped: [] };
  for (const index of board.filter({ ...query, minQuality: null }).eligible) {
    const quality = board.columns.quality[index];
    effect[quality >= minQuality ? "kept" : "dropped"].push(quality);
  }
  drawHistogram(histograms.get("min_quality"), effect, (value) => value);
}

/** Bars of how many entries have a figure about so great, the dropped ones on top. `scale`: what bins divide evenly. */
function drawHistogram(svg, { kept, dropped }, scale) {
  const [least, most] = kept.concat(dropped).reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [
    Infinity,
    -Infinity,
  ]);
  const span = scale(most) - scale(least);
  const counts = [kept, dropped].map((values) => {
    const bins = new Array(BINS).fill(0);
    for (const value of values) {
      const share = span > 0 ? (scale(value) - scale(least)) / span : 0;
      bins[Math.min(BINS - 1, Math.floor(BINS * share))] += 1;
    }
    return bins;
  });
  const tallest = Math.max(1, ...counts[0].map((entries, bin) => entries + counts[1][bin]));
  const height = (entries) => (HEIGHT * entries) / tallest;
  const paths = ["", ""];
  for (let bin = 0; bin < BINS; bin += 1) {
    let bottom = HEIGHT;
    for (const part of [0, 1]) {
      const tall = height(counts[part][bin]);
      if (tall === 0) continue;
      const width = WIDTH / BINS - GAP;
      paths[part] += `M${(bin * WIDTH) / BINS} ${bottom.toFixed(1)}v-${tall.toFixed(1)}h${width}v${tall.toFixed(1)}z`;
      bottom -= tall;
    }
  }
  svg.replaceChildren(...paths.map((path, part) => bars(path, part === 0 ? "kept" : "dropped")));
}

function bars(path, name) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "path");
  element.setAttribute("d", path);
  element.setAttribute("class", name);
  return element;
}

fold.addEventListener("toggle", () => view && draw());
document.addEventListener("boarddrawn", ({ detail }) => {
  view = detail;
  draw();
});
