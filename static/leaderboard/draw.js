/** Writes the table's rows and head, the result in words and the counts into the page, touching only what changed. */

import { count } from "./format.js";

const ANNOUNCEMENT_DELAY_MS = 700;

const table = document.getElementById("board");
const template = document.getElementById("row-template").content.firstElementChild;
const heads = [...table.querySelectorAll("th[data-first]")];
const summaryLine = document.getElementById("summary");
const followingLine = document.getElementById("following");
const announcement = document.getElementById("announcement");
const pages = document.getElementById("pages");
const LARGE = new Set(["rank", "method", "energy", "phases"]); // large on a card, not in its list of figures
const OF_THEIR_OWN = new Set(["bar", "tick", "at_rank", "at_energy"]); // slots that are not texts of their row
let rowTemplate = null; // a row with the chosen columns alone
let announcementTimer = 0;

/**
 * Show these columns, by their keys, and one for each other usage intensity; `makeRow` then makes rows of them.
 *
 * @param {string[]} chosen keys of columns
 * @param {number[]} usages images
 */
export function chooseColumns(chosen, usages) {
  const isShown = ({ dataset }) => dataset.column === "method" || chosen.includes(dataset.column);
  for (const head of heads) head.hidden = !isShown(head);
  const shown = heads.filter(isShown);
  const widths = [...shown.map((head) => head.dataset.width), ...usages.map(() => table.dataset.atWidth)];
  table.style.setProperty("--columns", widths.join(" "));
  table.style.setProperty("--figures", shown.filter((head) => !LARGE.has(head.dataset.column)).length);
  table.style.setProperty("--others", usages.length);
  table.classList.toggle("has-family", chosen.includes("family"));
  for (const old of table.tHead.querySelectorAll("[data-column=at]")) old.remove();
  table.tHead.rows[0].append(...usages.map(usageHead));
  rowTemplate = template.cloneNode(true);
  const cell = rowTemplate.querySelector("[data-column=at]");
  cell.replaceWith(...usages.map((usage) => usageCell(cell, usage)));
  const isKept = ({ className, dataset }) => className === "tick" || dataset.column === "at" || isShown({ dataset });
  for (const cell of [...rowTemplate.children]) if (!isKept(cell)) cell.remove();
}

function usageHead(usage) {
  const head = Object.assign(document.createElement("th"), { scope: "col", className: "number" });
  head.setAttribute("role", "columnheader");
  head.dataset.column = "at";
  head.title = `Rank and full-cycle energy at ${count(usage)} images`;
  const link = Object.assign(document.createElement("a"), { href: `?usage_intensity=${usage}` });
  link.textContent = `At ${count(usage)}`;
  link.dataset.usage = usage;
  head.append(link);
  return head;
}

function usageCell(cell, usage) {
  const made = cell.cloneNode(true);
  made.dataset.label = `At ${count(usage)}`;
  return made;
}

export const makeRow = () => rowTemplate.cloneNode(true);

/** Write a line's texts into a row. */
export function fillRow(node, row, line) {
  const slots = (node.slots ??= new Map([...node.querySelectorAll("[data-slot]")].map((slot) => [slot.dataset.slot, slot])));
  for (const [name, element] of slots) if (!OF_THEIR_OWN.has(name)) write(element, row[name]);
  set(node, "data-entry", String(row.entry));
  set(node, "aria-rowindex", String(line + 2));
  set(slots.get("method"), "href", row.url);
  set(slots.get("method"), "title", row.method);
  set(slots.get("rank"), "title", row.rank_title);
  set(slots.get("energy"), "title", row.energy_title);
  set(slots.get("greenness"), "title", row.greenness_title);
  set(slots.get("quality_note"), "title", row.quality_title);
  set(slots.get("source"), "class", `source source-${row.source}`);
  set(slots.get("source"), "title", row.source_title);
  set(slots.get("provenance"), "class", `provenance provenance-${row.provenance}`);
  if (slots.has("bar")) fillBar(slots.get("bar"), row);
  fillTick(slots.get("tick"), row);
  if (row.at) row.at.forEach((cell, position) => fillUsage(node, cell, position));
}

/** Not for what the box has already: a drawing between a click and its event would undo the click. */
function fillTick(box, row) {
  const state = `${row.entry} ${row.is_chosen}`;
  if (box.written === state) return;
  box.written = state;
  box.value = row.entry;
  box.checked = row.is_chosen;
  set(box, "aria-label", `Compare ${row.method}`);
}

function fillUsage(node, { rank, energy }, position) {
  const cells = (node.usageCells ??= [...node.querySelectorAll("[data-column=at]")].map((cell) => cell.firstElementChild));
  if (!cells[position]) return;
  write(cells[position].children[0], rank);
  write(cells[position].children[1], energy);
}

function fillBar(bar, row) {
  set(bar, "class", row.bar_class);
  set(bar, "aria-label", row.bar_label);
  set(bar, "title", row.bar_label);
  while (bar.childElementCount > row.bar.length) bar.lastElementChild.remove();
  row.bar.forEach((segment, index) => {
    const part = bar.children[index] ?? bar.appendChild(document.createElement("i"));
    set(part, "class", `phase-${segment.phase} by-${segment.provenance}`);
    if (part.written !== segment.width) part.style.width = part.written = segment.width;
  });
}

/** Mark the column that the table is sorted by. */
export function drawHead(sort) {
  const key = sort.replace(/^-/, "");
  for (const head of heads) {
    if (head.dataset.column !== key) head.removeAttribute("aria-sort");
    else set(head, "aria-sort", sort.startsWith("-") ? "descending" : "ascending");
  }
}

/** How many lines there are, which of them are seen, and the links to those before and after. */
export function drawPages(total, first, last, addressOfPage, pageSize) {
  set(table, "aria-rowcount", String(total + 1));
  document.getElementById("board-empty").hidden = total > 0;
  write(pages.querySelector("[data-slot=page]"), `${total === 0 ? 0 : first + 1}–${last + 1} of ${total}`);
  const page = Math.floor(first / pageSize) + 1;
  const targets = { prev: first > 0 ? Math.max(1, page - 1) : null, next: last + 1 < total ? page + 1 : null };
  for (const [name, target] of Object.entries(targets)) {
    const link = pages.querySelector(`[data-page=${name}]`);
    if (target !== null) set(link, "href", addressOfPage(target));
    else link.removeAttribute("href");
  }
}

/** How many entries each filter would leave, and how many filters are set. */
export function drawFacets(counts, filtersSet) {
  for (const element of document.querySelectorAll("[data-facet]")) {
    write(element, String(counts[element.dataset.facet].get(element.dataset.value) ?? 0));
  }
  write(document.getElementById("filter-count"), filtersSet > 0 ? `(${filtersSet})` : "");
}

/** The result in words, and what comes next; announced to screen readers once the input pauses. */
export function drawSummary(answer, following) {
  const changed = [
    [summaryLine, answer],
    [followingLine, following],
  ].filter(([line, pieces]) => drawPieces(line, pieces));
  if (changed.length === 0) return; // the server's page says the same
  const text = [...answer, { text: " " }, ...following].map((piece) => piece.text).join("");
  clearTimeout(announcementTimer);
  announcementTimer = setTimeout(() => write(announcement, text), ANNOUNCEMENT_DELAY_MS);
}

/** Write pieces into a line; whether its words are new. */
export function drawPieces(line, pieces) {
  const signature = JSON.stringify(pieces); // its links may change while its words do not
  if (line.written === signature) return false;
  line.written = signature;
  const isNew = spaced(pieces.map((piece) => piece.text).join("")) !== spaced(line.textContent);
  line.replaceChildren(...pieces.map(inline));
  return isNew;
}

const spaced = (text) => text.replace(/\s+/g, " ").trim();

function inline({ text, url, strong }) {
  if (url) return Object.assign(document.createElement("a"), { href: url, textContent: text });
  return strong ? Object.assign(document.createElement("strong"), { textContent: text }) : document.createTextNode(text);
}

/** Which entry wins at which usage intensity. */
export function drawCrossings(lines) {
  const target = document.getElementById("crossings");
  const signature = JSON.stringify(lines);
  if (target.written === signature) return;
  target.written = signature;
  target.replaceChildren(...(lines.length > 0 ? lines.map(crossing) : [noCrossing()]));
}

function crossing(line) {
  const node = document.createElement("tr");
  if (line.here) node.setAttribute("aria-current", "true");
  const link = Object.assign(document.createElement("a"), { href: line.url, textContent: line.method, dir: "auto" });
  const method = Object.assign(document.createElement("th"), { scope: "row" });
  method.append(link);
  const cell = (label, text, className = "") => {
    const made = Object.assign(document.createElement("td"), { textContent: text, className });
    made.dataset.label = label;
    return made;
  };
  const figures = [cell("One-time", line.one_time, "number"), cell("Per image", line.per_image, "number")];
  node.append(cell("Images", line.span), method, ...figures);
  return node;
}

function noCrossing() {
  const cell = Object.assign(document.createElement("td"), { colSpan: 4 });
  cell.textContent = "No complete entry matches the filters.";
  const line = document.createElement("tr");
  line.append(cell);
  return line;
}

/** Mark the preset that the reader's usage intensity is. */
export function markPreset(usageIntensity) {
  for (const link of document.querySelectorAll("[data-usage]")) {
    if (Number(link.dataset.usage) === usageIntensity) set(link, "aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** Write only what changed: an unchanged node costs no layout. */
export function write(element, text) {
  if (element.written === text) return;
  element.written = text;
  element.textContent = text;
}

function set(element, name, value) {
  if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
}
