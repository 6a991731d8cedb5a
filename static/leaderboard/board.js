/**
 * The leaderboard under the reader's finger: takes the board's snapshot once, then ranks, filters and redraws at every
 * tick without a request, and keeps the address in step. The server's page is complete without it.
 */

import { champions, rank } from "./ranking.js";
import { images } from "./format.js";
import { crossings, row as rowOf, summary as summaryOf } from "./rows.js";
import { drawCrossings, drawPages, drawRows, drawSummary, markPreset, setText } from "./draw.js";

const ADDRESS_DELAY_MS = 200;
// Above so many entries the snapshot waits until the reader reaches for a control.
const EAGER_ENTRIES = 1000;
// What the server reads as a number; Number() alone would also take "0x10", and "" for zero.
const NUMBER = /^\+?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

const form = document.getElementById("controls");
const table = document.getElementById("board");
const slider = document.getElementById("usage_slider");
const number = document.getElementById("usage_intensity");
const usageWords = document.getElementById("usage_words");
const pageSize = Number(form.dataset.pageSize);
const families = JSON.parse(document.getElementById("families").textContent);

let board = null; // entries, candidates and a map by key, once the snapshot is here
let loading = null;
let revision = Number(table.dataset.revision);
let page = Math.max(1, Number(new URLSearchParams(location.search).get("page")) || 1);

/* The reader's question */

/** The form as a question; null where a field holds something that can't be asked. */
function readQuery() {
  const data = new FormData(form);
  const typed = number.value.trim() || "1e6";
  const usageIntensity = NUMBER.test(typed) ? Number(typed) : NaN;
  const sharedBy = Number(data.get("shared_by") || 1);
  const minQuality = data.get("min_quality") ? Number(data.get("min_quality")) : null;
  const valid = [
    [number, usageIntensity > 0 && usageIntensity <= 1e15],
    [form.elements.shared_by, sharedBy >= 1 && sharedBy <= 1e9],
    [form.elements.min_quality, minQuality === null || (minQuality >= 0 && minQuality <= 1)],
  ];
  for (const [field, isValid] of valid) field.setAttribute("aria-invalid", String(!isValid));
  if (valid.some(([, isValid]) => !isValid)) return null;
  return {
    usageIntensity,
    sharedBy,
    minQuality,
    families: new Set(data.getAll("family")),
    provenance: new Set(data.getAll("provenance")),
    words: (data.get("search") ?? "").toLowerCase().split(/\s+/).filter(Boolean),
    orderBy: data.get("order_by") || "energy",
    includeIncomplete: data.has("include_incomplete"),
  };
}

function matches(entry, query) {
  if (query.families.size > 0 && !query.families.has(entry.family)) return false;
  if (query.provenance.size > 0 && !query.provenance.has(entry.provenance)) return false;
  return query.words.every((word) => entry.haystack.includes(word) || entry.recipe.startsWith(word));
}

/** The form as address parameters, without those that stand at their default. */
function parameters(pageNumber = 1) {
  const wanted = new URLSearchParams();
  const given = new URLSearchParams(location.search);
  for (const [name, value] of new FormData(form)) {
    const control = form.elements[name];
    const isOpen = ["track", "hardware"].includes(name) && !given.has(name);
    const isDefault =
      value === "" ||
      isOpen ||
      value === control.dataset?.default ||
      (name === "usage_intensity" && Number(value) === 1e6) ||
      (name === "shared_by" && Number(value) === 1);
    if (!isDefault) wanted.append(name, value.trim());
  }
  if (pageNumber > 1) wanted.set("page", pageNumber);
  return wanted;
}

function address(wanted) {
  const text = wanted.toString();
  return location.pathname + (text ? `?${text}` : "");
}

/* The snapshot */

function load() {
  loading ??= fetchBoard().catch(() => {
    loading = null; // The server's page stays as it is; the form still works by submitting.
  });
  return loading;
}

async function fetchBoard() {
  const { track, hardwareSlug, scenario, scope } = table.dataset;
  const wanted = new URLSearchParams({ track, hardware: hardwareSlug, scenario, scope });
  const response = await fetch(`${form.dataset.snapshot}?${wanted}`, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`snapshot: ${response.status}`);
  board = fromColumns(await response.json());
  revision = board.revision;
}

function fromColumns({ columns, quality_metric: qualityMetric, revision: current }) {
  const names = Object.keys(columns);
  const entries = columns.entry.map((_, index) => {
    const entry = { quality_metric: qualityMetric };
    for (const name of names) entry[name] = columns[name][index];
    entry.key = entry.entry;
    entry.haystack = `${entry.method}\n${entry.architecture ?? ""}`.toLowerCase();
    return entry;
  });
  return { revision: current, entries, byKey: new Map(entries.map((entry) => [entry.key, entry])) };
}

/* Drawing */

function draw() {
  const query = readQuery();
  if (query === null) return;
  setText(usageWords, images(query.usageIntensity));
  markPreset(query.usageIntensity);
  if (board === null) return;

  const { usageIntensity, sharedBy, minQuality, includeIncomplete, orderBy } = query;
  const found = board.entries.filter((entry) => matches(entry, query));
  const places = rank(found, usageIntensity, { sharedBy, minQuality, includeIncomplete, orderBy });
  const winners = champions(found, { sharedBy, minQuality });
  const lastPage = Math.max(1, Math.ceil(places.length / pageSize));
  page = Math.min(page, lastPage);
  const shown = places.slice((page - 1) * pageSize, page * pageSize);
  drawRows(shown.map((place) => rowOf(board.byKey.get(place.key), place, query, families)));
  drawPages(places.length, page, lastPage, pageSize, (target) => address(parameters(target)));
  drawSummary(
    summaryOf({
      query,
      places,
      champions: winners,
      byKey: board.byKey,
      hardwareName: table.dataset.hardware,
      belowFloor: found.length - places.length,
    }),
  );
  drawCrossings(crossings(winners, board.byKey, query));
  // What the charts follow (boardcharts.js); they draw in their own time, not in this frame.
  const drawnView = { query, places, champions: winners, byKey: board.byKey, parameters: parameters() };
  document.dispatchEvent(new CustomEvent("boarddrawn", { detail: drawnView }));
  // The address of what is drawn: by the time that it is written, the form may hold something that can't be asked.
  const drawn = address(parameters(page));
  soon("address", ADDRESS_DELAY_MS, () => history.replaceState(null, "", drawn));
}

/* Timing: many ticks may fall into one frame, and only the last one counts */

const timers = new Map();

function soon(name, delay, action) {
  clearTimeout(timers.get(name));
  timers.set(name, setTimeout(action, delay));
}

let frame = 0;

function drawNextFrame() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    draw();
  });
}

/* The reader's hand */

function setUsage(value) {
  number.value = String(value);
}

function moveSlider() {
  const exponent = Math.log10(Number(number.value));
  if (Number.isFinite(exponent)) slider.value = String(exponent);
}

function sliderWords() {
  slider.setAttribute("aria-valuetext", images(Number(number.value)));
}

form.addEventListener("input", (event) => {
  if (event.target.matches("[data-board]")) return;
  load().then(drawNextFrame);
  if (event.target === slider) {
    setUsage(Number((10 ** Number(slider.value)).toPrecision(3)));
    sliderWords();
  } else {
    page = 1;
    if (event.target === number) moveSlider();
  }
  drawNextFrame();
});

form.addEventListener("change", (event) => {
  // Another board is another page: the server knows it.
  if (event.target.matches("[data-board]")) form.requestSubmit();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { track, hardware, scenario, scope } = Object.fromEntries(new FormData(form));
  const shown = table.dataset;
  if (track === shown.track && hardware === shown.hardwareSlug && scenario === shown.scenario && scope === shown.scope) {
    load().then(drawNextFrame);
    return;
  }
  const wanted = parameters();
  wanted.set("track", track);
  wanted.set("hardware", hardware);
  location.assign(address(wanted));
});

form.addEventListener("click", (event) => {
  const preset = event.target.closest("[data-usage]");
  if (!preset || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  setUsage(preset.dataset.usage);
  moveSlider();
  sliderWords();
  load().then(drawNextFrame);
  drawNextFrame();
});

for (const kind of ["pointerenter", "focusin"]) form.addEventListener(kind, load, { once: true });

// The charts are about to be seen, and need the snapshot.
document.addEventListener("boardwanted", () => load().then(drawNextFrame));

/* Fresh results, without losing the reader's place */

document.addEventListener("boardrevision", async (event) => {
  if (event.detail.revision === revision) return;
  revision = event.detail.revision;
  loading = null;
  await load();
  draw();
});

moveSlider();
sliderWords();
if (Number(table.dataset.entries) <= EAGER_ENTRIES) (window.requestIdleCallback ?? setTimeout)(load);
