/**
 * "I don't know N": the least and the greatest usage intensity, and what to choose for all that lies between. Loaded
 * when its fold is first opened; says what leaderboard/presentation/usage_range.py says.
 */

import { addressOf, parameters, read } from "./controls.js";
import { drawPieces, write } from "./draw.js";
import { SPACE, count, images, joules, number, share } from "./format.js";
import { entryUrl } from "./rows.js";
import { weightInOrder } from "./ranking.js";
import { chooseFrom, undominated } from "./usage_range.js";

const NOTHING = "No entry with a complete total matches the filters, so there is nothing to choose from.";
const MANY_TIMES = 10;
const [LEAST, MOST] = [1, 1e15];
const AROUND = 100; // how many times less and more than the reader's usage is asked for at first
const ANNOUNCEMENT_DELAY_MS = 700;

const fold = document.getElementById("range");
const answerLine = document.getElementById("range-answer");
const announcement = document.getElementById("range-announcement");
const link = document.getElementById("range-link");
const usage = document.getElementById("usage_intensity");
const ends = ["n_from", "n_to"].map((name) => ({
  field: document.getElementById(name),
  slider: document.getElementById(`${name}_slider`),
  words: document.getElementById(`${name}_words`),
}));

let view = null; // what the board has drawn last
let lines = []; // what is chosen from
let linesKey = {}; // what they were made of
let announcementTimer = 0;

/* The answer */

/** The lines of the view, made again only if its filters or its order have changed. */
function linesOf({ ranking, eligible, query }) {
  const made = { ranking, eligible, sharedBy: query.sharedBy, weight: weightInOrder(query) };
  if (Object.keys(made).some((name) => made[name] !== linesKey[name])) {
    lines = undominated(ranking, eligible, made.sharedBy, made.weight);
    linesKey = made;
  }
  return lines;
}

/** The answer in pieces: {text}, with {strong} or {url} if it is one. */
function pieces(from, to) {
  const { query, byKey } = view;
  const found = chooseFrom(linesOf(view), from, to);
  if (found === null) return [{ text: NOTHING }];
  const { safest, best_on_average: average, winners } = found;
  const named = ({ key }) => ({ text: byKey.get(key).method, url: entryUrl(key, query) });
  const isByEnergy = query.orderBy === "energy";
  const best = isByEnergy ? "the best" : "the greenest";
  const opening = [{ text: "From " }, { text: `${count(from)} to ${images(to)}`, strong: true }, { text: ", " }];
  if (winners === 1) {
    return [...opening, named(safest), { text: ` is ${best} at any usage: not knowing it costs nothing.` }];
  }
  const rival = isByEnergy ? "the best for it" : "one of the same accuracy that is as green as the best for it";
  const atOnce = safest.worst_at === safest.extra_at ? " or" : ` (at ${images(safest.worst_at)}) and at most`;
  const costs =
    `: not knowing the usage costs at most ${extra(safest.worst_ratio)}${atOnce} ${joules(safest.extra_energy_j)} ` +
    `(at ${images(safest.extra_at)}) more energy than ${rival} would use.`;
  const means = `, with ${extra(average.mean_ratio)} more, every power of ten as likely as another`;
  const others = ` (${extra(safest.mean_ratio)} for the safest), but at most ${extra(average.worst_ratio)}.`;
  const onAverage =
    average.key === safest.key
      ? [{ text: ` It is also the best on average${means}.` }]
      : [{ text: " The best on average is " }, named(average), { text: means + others }];
  return [
    ...opening,
    { text: `${winners} models are each ${best} somewhere. The safest choice is ` },
    named(safest),
    { text: costs },
    ...onAverage,
  ];
}

/** What a ratio is above 1, in per cent: "12 %", "3,100 %". */
const extra = (ratio) => (ratio < MANY_TIMES ? share(ratio - 1) : `${number(100 * (ratio - 1))}${SPACE}%`);

/* Drawing */

const valueOf = ({ field }) => read(field.value);
const isEnd = (value) => value >= LEAST && value <= MOST;

/** Show both ends, and the answer if they are a range; the last answer stays if they are none. */
function draw() {
  const [from, to] = ends.map(valueOf);
  const faults = [isEnd(from) ? "" : "1 to 1e15", isEnd(to) ? "" : "1 to 1e15"];
  if (from > to) faults[1] = `at least ${count(from)}`;
  ends.forEach((end, position) => drawEnd(end, [from, to][position], faults[position]));
  if (!fold.open || view === null || faults.some(Boolean)) return;
  const said = pieces(from, to);
  if (drawPieces(answerLine, said)) announce(said.map((piece) => piece.text).join(""));
  link.setAttribute("href", addressOf(parameters()));
}

function drawEnd({ field, slider, words }, value, fault) {
  const isAsked = field.value !== "";
  field.setAttribute("aria-invalid", String(isAsked && fault !== ""));
  document.getElementById(`${field.name}-error`).textContent = ""; // the server's
  write(words, !isAsked ? "" : fault || images(value));
  if (!isEnd(value)) return;
  slider.value = String(Math.log10(value));
  slider.setAttribute("aria-valuetext", images(value));
}

function announce(text) {
  clearTimeout(announcementTimer);
  announcementTimer = setTimeout(() => write(announcement, text), ANNOUNCEMENT_DELAY_MS);
}

/* Input */

/** A handle was moved; it stops at the other one. */
function takeHandle(end) {
  const [from, to] = ends;
  const moved = Number((10 ** Number(end.slider.value)).toPrecision(3));
  const limit = valueOf(end === from ? to : from);
  const stopped = end === from ? Math.min(moved, limit) : Math.max(moved, limit);
  end.field.value = String(isEnd(limit) ? stopped : moved);
}

fold.addEventListener("input", ({ target }) => {
  const end = ends.find(({ slider }) => slider === target);
  if (end) takeHandle(end);
  draw();
});

/** Opened, the fold asks for a range around the reader's usage, or that of before; closed, for none. */
function toggle() {
  const before = ends.map(({ field }) => field.value).join();
  for (const [position, { field }] of ends.entries()) {
    if (!fold.open) {
      field.dataset.before = field.value;
      field.value = "";
    } else if (field.value === "") {
      const around = read(usage.value) * (position === 0 ? 1 / AROUND : AROUND);
      const first = Math.min(MOST, Math.max(LEAST, around || LEAST));
      field.value = field.dataset.before || String(Number(first.toPrecision(3)));
    }
  }
  if (ends.map(({ field }) => field.value).join() === before) return;
  // As if it were typed: the address follows, and the server answers where it ranks.
  for (const kind of ["input", "change"]) ends[0].field.dispatchEvent(new Event(kind, { bubbles: true }));
}

fold.addEventListener("toggle", toggle);
document.addEventListener("boarddrawn", ({ detail }) => {
  view = detail;
  draw();
});
if (ends.some(({ field }) => field.value === "")) toggle();
