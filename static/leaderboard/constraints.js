/**
 * What each limit leaves, in words and as a small histogram of kept and dropped entries. Loaded when its fold is first
 * opened; says what leaderboard/presentation/constraints.py says.
 */

import { write } from "./draw.js";
import { SPACE, count, floorPercent, milliseconds, si } from "./format.js";
import { keeps, limitFields } from "./limits.js";

const FLOOR = "min_quality";
const PAUSE_MS = 100;
const [BINS, WIDTH, HEIGHT, GAP] = [24, 120, 24, 1];
const fold = document.getElementById("constraints");
const inForce = document.getElementById("constraints-in-force");
const qualityLine = document.getElementById("quality_effect");
const histograms = new Map([...fold.querySelectorAll("[data-histogram]")].map((svg) => [svg.dataset.histogram, svg]));

let view = null; // what the board has drawn last
let drawnOf = null; // its entries when the fold was drawn last
let timer = 0;

const grouped = (number) => number.toLocaleString("en-US");

/** Of the entries that all others let through: those that each limit, and the floor, keeps, drops, has no figure of. */
function effectsOf({ board, query }) {
  const { columns } = board;
  const { constraints, minQuality } = query;
  const parts = [...limitFields.map(({ name, dataset }) => [name, dataset.figure]), [FLOOR, "quality"]];
  const effects = new Map(parts.map(([name]) => [name, { kept: [], dropped: [], unknown: 0 }]));
  for (const index of board.filter({ ...query, minQuality: null, constraints: [] }).eligible) {
    const failed = constraints.filter((limit) => !keeps(columns, limit, index)).map(({ name }) => name);
    if (columns.quality[index] < minQuality) failed.push(FLOOR);
    if (failed.length > 1) continue; // two leave it out, so no single one would let it in
    for (const [name, figure] of parts) {
      if (failed.length === 1 && failed[0] !== name) continue;
      const [effect, value] = [effects.get(name), columns[figure][index]];
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

/** The effects once the input pauses: they are counted again over the whole board, which no frame waits for. */
function change() {
  const said = inForceWords(view.query);
  write(inForce, said && `: ${said}`);
  clearTimeout(timer);
  if (fold.open && drawnOf !== view.eligible) timer = setTimeout(draw, PAUSE_MS);
}

function draw() {
  drawnOf = view.eligible;
  const { constraints, minQuality } = view.query;
  const chosen = new Set(constraints.map(({ name }) => name));
  const effects = effectsOf(view);
  for (const { name, dataset } of limitFields) {
    const effect = effects.get(name);
    write(document.getElementById(`${name}_effect`), chosen.has(name) ? words(effect, dataset.noun) : "");
    drawHistogram(histograms.get(name), effect, Math.log);
  }
  const floor = minQuality > 0 ? `at least ${floorPercent(minQuality)}` : "no floor";
  write(qualityLine, `${floor}, ${words(effects.get(FLOOR), "quality")}`);
  drawHistogram(histograms.get(FLOOR), effects.get(FLOOR), (value) => value);
}

/** Bars of how many entries have a figure about so great, the dropped ones on top. `scale`: what bins divide evenly. */
function drawHistogram(svg, { kept, dropped }, scale) {
  let [least, most] = [Infinity, -Infinity];
  for (const value of kept.concat(dropped)) [least, most] = [Math.min(least, value), Math.max(most, value)];
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

fold.addEventListener("toggle", () => view && change());
document.addEventListener("boarddrawn", ({ detail }) => {
  view = detail;
  change();
});
