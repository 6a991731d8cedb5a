/** The reader's query and view, read from the form, written as an address, and put back into the form. */

import { assumptions, readPrice } from "./cost.js";
import { limitFields, readLimits } from "./limits.js";
import { parseQuality } from "./quality.js";
import { RUN_AS } from "./snapshot.js";
import { readNumber, shortened } from "./typed_number.js";

const MOST_IMAGES = 1e15;
const SECONDS_PER_YEAR = 365.25 * 86_400;
const SECONDS_PER = { second: 1, minute: 60, hour: 3600, day: 86_400, month: SECONDS_PER_YEAR / 12 };
const DEFAULTS = { usage_intensity: 1e6, shared_by: 1, accuracy_weight: 1, pue: 1 };
// Parameters of the page alone; the API has no columns.
const OF_THE_VIEW = new Set(
  ["columns", "sort", "region", "pue", "price_region", "price_per_kwh", "currency", "n_from", "n_to", "bars", "at", "chosen"]
    .concat("rate", "per", "years"),
);
const OF_THE_RATE = new Set(["rate", "per", "years"]);
const OF_THE_RANGE = ["n_from", "n_to"];
const NUMBERS = new Set(["rate", "years", ...OF_THE_RANGE]);
// In the address; limits and filters follow.
const ORDER = ["usage_intensity", "rate", "per", "years", "n_from", "n_to", "accuracy_weight", "track", "hardware", "scenario"]
  .concat("scope", "min_quality", "shared_by", "region", "pue", "price_region", "price_per_kwh", "currency")
  .concat(limitFields.map(({ name }) => name), "search", "order_by", "sort");

const form = document.getElementById("controls");
const number = document.getElementById("usage_intensity");
const rate = document.getElementById("rate");
const years = document.getElementById("years");
const floor = form.elements.min_quality;
// Of the track: in force while the field is empty.
const defaultFloor = Number(floor.dataset.floor);
const columnBoxes = [...form.querySelectorAll("input[name=columns]")];

/** A usage intensity as the server reads it, NaN if the text is none. */
export const read = (text) => readNumber(text).value;
const within = (value, least, most) => value >= least && value <= most;
const ALLOWED = {
  usage_intensity: (value) => value > 0 && value <= MOST_IMAGES,
  shared_by: (value) => within(value, 1, 1e9),
  min_quality: (value) => within(value, 0, 1),
  accuracy_weight: (value) => within(value, 0, 100),
  pue: (value) => within(value, 1, 10),
};

/** What a field's text says: {value, why}. An empty field says its default. */
function readField(field, text = field.value) {
  if (text.trim() === "") return { value: field === floor ? defaultFloor : DEFAULTS[field.name], why: "" };
  if (field === floor) return { value: parseQuality(text), why: "" };
  return readNumber(text, { decimalComma: "decimalComma" in field.dataset });
}

// The numbers in force: the last of each that could be read.
const inForce = Object.fromEntries(
  Object.keys(ALLOWED).map((name) => [name, readField(form.elements[name], form.elements[name].dataset.good).value]),
);

/** Say next to a field why its number can't be taken, or that it can. */
function mark(field, isValid, why = "") {
  const text = String(!isValid);
  if (field.getAttribute("aria-invalid") !== text) field.setAttribute("aria-invalid", text);
  const because = why && ` (${why})`;
  const words = isValid ? "" : `Can't take “${shortened(field.value)}”${because}: it must be ${field.dataset.allowed}.`;
  const line = document.getElementById(`${field.name}-error`);
  if (line !== null && line.textContent !== words) line.textContent = words;
  return isValid;
}

/** The number of a field; if it can't be read, the last that could. */
function take(name, isUsed = true) {
  const field = form.elements[name];
  const { value, why } = readField(field);
  const isAllowed = ALLOWED[name](value);
  if (isAllowed) inForce[name] = value;
  mark(field, isAllowed || !isUsed, why);
  return inForce[name];
}

let priceInForce = { price: null, typed: null, sign: "" };

function takePrice() {
  const found = readPrice(form);
  const valid = [mark(form.elements.price_per_kwh, found.isPrice), mark(form.elements.currency, found.isCurrency)];
  if (!valid.includes(false)) priceInForce = found;
  return priceInForce.price;
}

let limitsInForce = new Map();

function takeLimits() {
  const typed = new Map(readLimits().map((limit) => [limit.name, limit]));
  const isUnread = ({ name }) => Number.isNaN(typed.get(name)?.limit);
  for (const field of limitFields) mark(field, !isUnread(field));
  const found = limitFields.map(({ name }) => (isUnread({ name }) ? limitsInForce : typed).get(name));
  limitsInForce = new Map(found.filter(Boolean).map((limit) => [limit.name, limit]));
  return [...limitsInForce.values()];
}

/** The form as a query. */
export function readQuery() {
  const data = new FormData(form);
  const orderBy = data.get("order_by") || "energy";
  return {
    usageIntensity: take("usage_intensity"),
    sharedBy: take("shared_by"),
    minQuality: take("min_quality"),
    defaultFloor,
    families: new Set(data.getAll("family")),
    provenance: new Set(data.getAll("provenance")),
    qualityBy: new Set(data.getAll("quality_by")),
    runAs: Object.fromEntries(RUN_AS.map((name) => [name, new Set(data.getAll(name))])),
    source: data.get("source") ?? "",
    words: (data.get("search") ?? "").toLowerCase().split(/\s+/).filter(Boolean),
    orderBy,
    accuracyWeight: take("accuracy_weight", orderBy !== "energy"),
    includeIncomplete: data.has("include_incomplete"),
    constraints: takeLimits(),
    sort: data.get("sort"),
    pue: take("pue"),
    gramsPerKwh: Number(form.elements.region.selectedOptions[0].dataset.intensity),
    price: takePrice(),
    assumptions: assumptions(form.elements, inForce.pue, priceInForce),
  };
}

/** The number that a field says now, or the last that it said. */
export const numberInForce = (name) => take(name);

/** How many filters of the menu are set. */
export function filtersSet({ families, provenance, qualityBy, runAs, source, includeIncomplete }) {
  const ofRunning = Object.values(runAs).reduce((sum, chosen) => sum + chosen.size, 0);
  return ofRunning + families.size + provenance.size + qualityBy.size + Number(source !== "") + Number(includeIncomplete);
}

/** A rate over a lifetime as a usage intensity; null while either is missing, NaN if it can't be read or is too large. */
export function usageOfRate() {
  const typed = [rate, years].map((field) => field.value.trim());
  const [often, long] = [readField(rate), readField(years)];
  const images = ((often.value / SECONDS_PER[form.elements.per.value]) * long.value) * SECONDS_PER_YEAR;
  const isWhole = typed.every(Boolean);
  const isTooMuch = isWhole && images > MOST_IMAGES;
  const isRate = mark(rate, !typed[0] || (often.value > 0 && often.value < Infinity && !isTooMuch), often.why);
  const isYears = mark(years, !typed[1] || (long.value > 0 && long.value < Infinity && !isTooMuch), long.why);
  if (!isWhole) return null;
  return isRate && isYears ? Number(images.toPrecision(15)) : NaN;
}

/** Empty the rate: another usage intensity was chosen. */
export function forgetRate() {
  for (const field of [rate, years]) {
    field.value = "";
    mark(field, true);
  }
}

/** Whether the chosen columns are those of the default. */
export const isDefaultColumns = () => columnBoxes.every((box) => box.checked === ("default" in box.dataset));

/** Keys of the chosen columns, in the table's order. */
const chosenColumns = () => columnBoxes.filter((box) => box.checked).map((box) => box.value);

/** The chosen columns, and those of the ranking's order and of a price. */
export function shownColumns() {
  const following = form.elements.order_by.value === "greenness" ? ["greenness"] : [];
  if (readPrice(form).price !== null) following.push("cost");
  return [...chosenColumns(), ...following];
}

/** The form as parameters, without those at their default; of the query alone, or of the view too. */
export function parameters({ ofView = true } = {}) {
  const wanted = new URLSearchParams();
  const given = new URLSearchParams(location.search);
  const data = [...new FormData(form)].sort(([a], [b]) => placeOf(a) - placeOf(b));
  const hasRate = rate.value.trim() !== "" && usageOfRate() === inForce.usage_intensity;
  for (const [name, value] of data) {
    if (["columns", "was"].includes(name) || (!ofView && OF_THE_VIEW.has(name))) continue;
    if (OF_THE_RATE.has(name) && !hasRate) continue;
    const isOpen = ["track", "hardware"].includes(name) && !given.has(name);
    if (!isOpen && !isDefault(name, value)) wanted.append(name, written(name, value));
  }
  if (ofView && !isDefaultColumns()) {
    wanted.set("columns", chosenColumns().join() || "method");
  }
  return wanted;
}

const placeOf = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

/** A parameter as programs read it: a number as it is typed if they would, else as they write it. */
function written(name, value) {
  const typed = value.trim();
  if (name === "min_quality") return String(inForce[name]);
  if (name === "currency") return priceInForce.sign;
  const asNumber = (number) => (Number(typed) === number ? typed : String(number));
  if (name in inForce) return asNumber(inForce[name]);
  if (name === "price_per_kwh") return asNumber(priceInForce.typed);
  if (limitsInForce.has(name)) return asNumber(limitsInForce.get(name).limit);
  return NUMBERS.has(name) ? asNumber(readField(form.elements[name]).value) : typed;
}

function isRange() {
  const [from, to] = OF_THE_RANGE.map((name) => read(form.elements[name].value));
  return from >= 1 && to >= from && to <= MOST_IMAGES;
}

function isDefault(name, value) {
  if (name === "min_quality") return inForce[name] === defaultFloor;
  if (name in DEFAULTS) return inForce[name] === DEFAULTS[name];
  if (name === "price_per_kwh") return priceInForce.typed === null;
  if (OF_THE_RANGE.includes(name)) return !isRange();
  if ("limit" in (form.elements[name].dataset ?? {})) return !limitsInForce.has(name);
  if (name === "currency") return priceInForce.sign === "";
  return value === "" || value === form.elements[name].dataset?.default;
}

export function addressOf(wanted) {
  const text = wanted.toString();
  return location.pathname + (text ? `?${text}` : "");
}

/** The form's contents, as [name, value] pairs, to be put back by `restore`. */
export const formState = () => [...new FormData(form)].filter(([name]) => name !== "was");

/** Put them back. Another board is another page, so the board's own controls stay. */
export function restore(state) {
  for (const control of form.elements) {
    if (!control.name || control.name === "was" || control.matches("[data-board]")) continue;
    const values = state.filter(([name]) => name === control.name).map(([, value]) => value);
    if (["checkbox", "radio"].includes(control.type)) control.checked = values.includes(control.value);
    else control.value = values[0] ?? "";
  }
}
