/**
 * The interactive leaderboard: takes the board's snapshot once, then ranks, filters and redraws at every tick of the
 * slider without a request, and keeps the address up to date. The server's page is complete without it.
 */

import { begin, beforeLeaving, onBack, setView, settle, settleDrawn } from "./address.js";
import { drawColumns, drawFullWidth, drawSame, fullWidthJ, rankOthers, sameOf } from "./tablelook.js";
import { chosenEntries, drawChoice, isChosen, restoreChoice, watchChoices } from "./chosen.js";
import { drawCrossings, drawFacets, drawHead, drawPages, drawSummary } from "./draw.js";
import { fillRow, makeRow, markPreset, write } from "./draw.js";
import { drawPrice } from "./cost.js";
import { drawFloor, takeLink } from "./floor.js";
import { images } from "./format.js";
import { List } from "./list.js";
import { addressOf, filtersSet, forgetRate, formState, parameters, readQuery, restore } from "./controls.js";
import { fetchWhenOpened, restoreFolds } from "./menus.js";
import { notify } from "./notify.js";
import { drawAssumptions, drawOrder, takeWeight } from "./order.js";
import { weightInOrder } from "./ranking.js";
import { row as rowOf } from "./rows.js";
import { fetchBoard } from "./snapshot.js";
import { sortedLines } from "./sorting.js";
import { crossings, following, summary, why } from "./summary.js";
import { moveSlider, setUsage, takeUsage } from "./usage_controls.js";

// Above this size the snapshot is fetched only when the reader first uses the board.
const EAGER_ENTRIES = 1000;
// A busy machine may never be idle: by then the snapshot is fetched nevertheless.
const IDLE_WITHIN = { timeout: 2000 };
// Controls that change neither which lines there are nor their order by energy: the reader's place is kept.
const OF_THE_LOOK =
  "[name=region], [name=pue], [name=currency], [name^=price_], [name=columns], #order_by, #usage_slider, #usage_intensity, .rate *";

const form = document.getElementById("controls");
const table = document.getElementById("board");
const sort = document.getElementById("sort");
const usageWords = document.getElementById("usage_words");
const region = document.getElementById("board-window");
const pageSize = Number(form.dataset.pageSize);
const families = JSON.parse(document.getElementById("families").textContent);
const entries = Number(table.dataset.entries);
// The server ranks larger boards; their snapshot is not fetched.
const isRankedHere = entries <= Number(form.dataset.mostEntries);

let board = null; // once the snapshot is here
let loading = null;
let revision = Number(table.dataset.revision);
let shown = null; // what is drawn: {query, lines} and what depends on the filters alone

const list = new List({
  region,
  body: document.getElementById("rows"),
  make: makeRow,
  fill(node, line) {
    if (shown === null) return; // a fresh board that is not ranked yet
    const position = shown.lines === null ? line : shown.lines[line];
    const { ranking } = board;
    const index = ranking.order[position];
    const entry = board.entry(index);
    const text = rowOf(entry, ranking.place(position), ranking.greenness(position), shown.query, families, shown);
    fillRow(node, { ...text, at: shown.others?.(entry, index), is_chosen: isChosen(entry.entry) }, line);
  },
});

/* The snapshot */

function load() {
  if (!isRankedHere) return new Promise(() => {});
  loading ??= fetchSnapshot().catch(() => {
    loading = null; // The server's page stays as it is; the form still works by submitting.
    document.dispatchEvent(new CustomEvent("boardmissing"));
  });
  return loading;
}

async function fetchSnapshot() {
  const { track, hardwareSlug, scenario, scope } = table.dataset;
  const wanted = new URLSearchParams({ track, hardware: hardwareSlug, scenario, scope });
  board = await fetchBoard(`${form.dataset.snapshot}?${wanted}`);
  revision = board.revision;
  shown = null;
}

/* Drawing */

/** `moves`: the reader may see the rows on their way. */
function draw(moves = true) {
  const query = readQuery();
  write(usageWords, images(query.usageIntensity));
  drawPrice(form, query.price);
  drawAssumptions(query);
  markPreset(query.usageIntensity);
  if (board === null) return;
  const wasShown = shown !== null;
  const filtered = filter(query);
  board.ranking.rank(filtered.eligible, query.usageIntensity, query);
  shown = { ...filtered, query, lines: sortedLines(board, query.sort, families) };
  Object.assign(shown, { fullJ: fullWidthJ(board.ranking), chosen: chosenEntries() });
  shown.others = rankOthers(board, filtered.eligible, query, drawNextFrame);
  if (!list.isLive) list.start();
  if (drawColumns()) list.renew(board.ranking.order.length);
  list.show(board.ranking.order.length, moves && wasShown);
  const result = { ...shown, board, hardwareName: table.dataset.hardware };
  drawSummary(summary(result), following(result));
  drawFloor(query, shown.belowFloor);
  drawOrder(query, why(result));
  drawCrossings(crossings(shown.champions, board.byKey, query));
  drawHead(query.sort);
  drawFullWidth(shown.fullJ);
  drawPlace();
  drawChoice(board, query, drawNextFrame);
  notify(board, shown);
}

/** What depends on the filters and the order, but on neither the usage intensity nor the columns. */
function filter(query) {
  const { minQuality, sharedBy, words, includeIncomplete, constraints } = query;
  const sets = [query.families, query.provenance, query.qualityBy, ...Object.values(query.runAs)];
  const chosen = sets.map((values) => [...values]).concat(query.source);
  const key = JSON.stringify([minQuality, sharedBy, words, includeIncomplete, constraints, chosen]);
  const weight = weightInOrder(query);
  const isSame = shown?.key === key;
  if (isSame && shown.weight === weight) return shown;
  const found = isSame ? shown : board.filter(query);
  if (!isSame) {
    drawFacets(found.counts, filtersSet(query));
    drawSame(sameOf(board, found.eligible));
  }
  return { ...found, key, weight, champions: board.ranking.champions(found.eligible, sharedBy, weight) };
}

/** Show which lines are in sight, in the page and in the address. */
function drawPlace() {
  const page = Math.floor(list.topLine / pageSize) + 1;
  const wanted = parameters();
  const addressOfPage = (number) => {
    if (number > 1) wanted.set("page", number);
    else wanted.delete("page");
    return addressOf(wanted);
  };
  drawPages(list.count, list.topLine, list.bottomLine, addressOfPage, pageSize);
  setView({ key: addressOfPage(1), address: addressOfPage(page), state: formState() });
}

/* Timing: many ticks may fall into one frame, and only the last one counts */

let frame = 0;

function drawNextFrame() {
  frame ||= requestAnimationFrame(drawNow);
}

function drawNow() {
  cancelAnimationFrame(frame);
  frame = 0;
  draw();
}

beforeLeaving(() => {
  if (frame !== 0) drawNow();
});

/** Draw with the snapshot, now or as soon as it is here. */
function redraw() {
  drawNextFrame();
  if (board === null) load().then(drawNextFrame);
}

/* Input */

let lastChanged = null;
let keyed = null; // the slider that keys move

form.addEventListener("input", ({ target }) => {
  if (target.matches("[data-board]")) return;
  if (target !== lastChanged) settle();
  lastChanged = target;
  if (target.closest("#range")) {
    if (board !== null) drawPlace(); // the ranking is the same; its own module has the answer
    return;
  }
  takeUsage(target);
  const isWeight = takeWeight(target);
  if (!isWeight && !target.matches(OF_THE_LOOK) && list.isLive) list.scrollTo(0);
  redraw();
});

// Where the next control is changed before the last change was drawn, both would be one change to Undo.
form.addEventListener("focusin", ({ target }) => {
  if (frame !== 0 && target !== lastChanged) drawNow();
});

document.getElementById("table-options").addEventListener("change", ({ target }) => {
  if (!target.matches("[name=bars], [name=at]")) return;
  drawSettled();
});

watchChoices(region, drawSettled);

function drawSettled() {
  redraw();
  if (isRankedHere) settleDrawn();
  else leave();
}

/** To the server's ranking of what the form says. */
function leave() {
  readQuery();
  location.assign(addressOf(parameters()));
}

form.addEventListener("change", ({ target }) => {
  // Another board is another page, and the server ranks a board that is too large for the browser.
  if (target.matches("[data-board]")) form.requestSubmit();
  else if (!isRankedHere) leave();
  else if (target !== keyed) settleDrawn(); // a key that is held changes a slider many times
});

form.addEventListener("keydown", ({ target }) => (keyed = target.type === "range" ? target : null));
form.addEventListener("pointerdown", () => (keyed = null));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { track, hardware, scenario, scope } = Object.fromEntries(new FormData(form));
  const here = table.dataset;
  const isHere =
    track === here.track && hardware === here.hardwareSlug && scenario === here.scenario && scope === here.scope;
  if (isHere && isRankedHere) {
    redraw();
    return;
  }
  readQuery();
  const wanted = parameters();
  wanted.set("track", track);
  wanted.set("hardware", hardware);
  wanted.delete("chosen"); // entries of this board
  location.assign(addressOf(wanted));
});

const isPlainClick = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey) && isRankedHere;

form.addEventListener("click", (event) => {
  const link = event.target.closest("[data-usage], [data-sets]");
  if (!link || !isPlainClick(event)) return;
  event.preventDefault();
  if (link.dataset.sets) takeLink(link);
  else setUsage(link.dataset.usage);
  if (link.dataset.usage) forgetRate();
  drawSettled();
});

table.tHead.addEventListener("click", (event) => {
  const head = event.target.closest("th");
  if (!event.target.closest("a") || !isPlainClick(event)) return;
  event.preventDefault();
  const [key, other] = [head.dataset.column, `-${head.dataset.column}`];
  const { usage } = event.target.closest("a").dataset;
  if (usage) setUsage(usage);
  if (usage) forgetRate();
  else sort.value = { [key]: other, [other]: key }[sort.value] ?? head.dataset.first;
  drawSettled();
});

document.getElementById("pages").addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || board === null || !isPlainClick(event)) return;
  event.preventDefault();
  list.scrollTo((Number(new URL(link.href).searchParams.get("page") ?? 1) - 1) * pageSize);
  drawPlace();
});

list.onscroll = () => {
  if (board === null) load().then(drawNextFrame);
  else drawPlace();
};

onBack((state) => {
  restore(state);
  restoreChoice();
  restoreFolds();
  moveSlider();
  takeWeight(form.elements.accuracy_weight);
  load().then(() => {
    drawNow();
    list.scrollTo((Number(new URLSearchParams(location.search).get("page") ?? 1) - 1) * pageSize);
  });
});

for (const part of [form, region]) {
  for (const kind of ["pointerenter", "focusin"]) part.addEventListener(kind, () => load().then(drawNextFrame), { once: true });
}

fetchWhenOpened(redraw);

// A chart is about to be seen and needs the snapshot.
document.addEventListener("boardwanted", () => load().then(drawNextFrame));

/* Fresh results, without losing the reader's place */

document.addEventListener("boardrevision", async (event) => {
  if (event.detail.revision === revision) return;
  revision = event.detail.revision;
  loading = null;
  await load();
  draw();
});

drawColumns();
moveSlider();
readQuery();
form.elements.was?.remove(); // here the last good numbers stay by themselves
begin({ key: addressOf(parameters()), address: location.pathname + location.search, state: formState() });
// Charts are drawn from the snapshot.
if (!isRankedHere) for (const part of document.querySelectorAll(".chart-frame, .chart-pair")) part.hidden = true;
if (entries <= EAGER_ENTRIES) (window.requestIdleCallback ?? setTimeout)(() => load().then(drawNextFrame), IDLE_WITHIN);
