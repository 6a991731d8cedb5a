/** The reader's query and view, read from the form and written as an address. */

import { assumptions, parsePrice, readPrice } from "./cost.js";
import { limitFields, limitInAddress, readLimits } from "./limits.js";
import { parseQuality } from "./quality.js";

// What the server reads as a number; Number() alone would also take "0x10", and "" for zero.
const NUMBER = /^\+?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const MOST_IMAGES = 1e15;
const SECONDS_PER_YEAR = 365.25 * 86_400;
const DEFAULT_USAGE = 1e6;
const MOST_WEIGHT = 100;
// Parameters of the page alone; the API has no columns.
const OF_THE_VIEW = new Set(
  ["columns", "sort", "region", "pue", "price_region", "price_per_kwh", "currency", "n_from", "n_to", "bars", "at", "chosen"]);
const HELPERS = new Set(["rate", "years"]);

const form = document.getElementById("controls");
const number = document.getElementById("usage_intensity");
const rate = document.getElementById("rate");
const years = document.getElementById("years");
const weight = document.getElementById("accuracy_weight");
const floor = form.elements.min_quality;
// Of the track: in force while the field is empty.
const defaultFloor = Number(floor.dataset.floor);
const columnBoxes = [...form.querySelectorAll("input[name=columns]")];

/** A number as the server reads it, NaN if it is none. */
export const read = (text) => (NUMBER.test(text.trim()) ? Number(text) : NaN);
const within = (value, least, most) => value >= least && value <= most;

function mark(field, isValid) {
  const text = String(!isValid);
  if (field.getAttribute("aria-invalid") !== text) field.setAttribute("aria-invalid", text);
  return isValid;
}

/** The form as a query; null if a field holds an invalid value. */
export function readQuery() {
  const data = new FormData(form);
  const usageIntensity = number.value.trim() ? read(number.value) : DEFAULT_USAGE;
  const sharedBy = Number(data.get("shared_by") || 1);
  const minQuality = readFloor();
  const pue = Number(data.get("pue") || 1);
  const orderBy = data.get("order_by") || "energy";
  const accuracyWeight = weight.value.trim() ? read(weight.value) : 1;
  const isWeight = within(accuracyWeight, 0, MOST_WEIGHT);
  const { region } = form.elements;
  const { price, isPrice, isCurrency } = readPrice(form);
  const constraints = readLimits();
  const unread = new Set(constraints.filter(({ limit }) => Number.isNaN(limit)).map(({ name }) => name));
  const valid = [
    mark(number, usageIntensity > 0 && usageIntensity <= MOST_IMAGES),
    mark(form.elements.shared_by, within(sharedBy, 1, 1e9)),
    mark(floor, within(minQuality, 0, 1)),
    mark(form.elements.pue, within(pue, 1, 10)),
    mark(weight, isWeight || orderBy === "energy"),
    mark(form.elements.price_per_kwh, isPrice),
    mark(form.elements.currency, isCurrency),
    ...limitFields.map((field) => mark(field, !unread.has(field.name))),
  ];
  if (valid.includes(false)) return null;
  return {
    usageIntensity,
    sharedBy,
    minQuality,
    defaultFloor,
    families: new Set(data.getAll("family")),
    provenance: new Set(data.getAll("provenance")),
    qualityBy: new Set(data.getAll("quality_by")),
    source: data.get("source") ?? "",
    words: (data.get("search") ?? "").toLowerCase().split(/\s+/).filter(Boolean),
    orderBy,
    accuracyWeight: isWeight ? accuracyWeight : 1,
    includeIncomplete: data.has("include_incomplete"),
    constraints,
    sort: data.get("sort"),
    pue,
    gramsPerKwh: Number(region.selectedOptions[0].dataset.intensity),
    price,
    assumptions: assumptions(form),
  };
}

/** The quality floor, 0 to 1; NaN if it can't be read. */
const readFloor = () => (floor.value.trim() ? parseQuality(floor.value) : defaultFloor);

/** How many filters of the menu are set. */
export function filtersSet({ families, provenance, qualityBy, source, includeIncomplete }) {
  return families.size + provenance.size + qualityBy.size + Number(source !== "") + Number(includeIncomplete);
}

/** A rate over a lifetime as a usage intensity; null while either is missing, NaN if the result is out of range. */
export function usageOfRate() {
  const typed = [rate, years].map((field) => field.value.trim());
  const [perSecond, lifetime] = typed.map(read);
  const images = perSecond * lifetime * SECONDS_PER_YEAR;
  const isUsage = images > 0 && images <= MOST_IMAGES;
  const isWhole = typed.every(Boolean);
  mark(rate, !typed[0] || (perSecond > 0 && (!isWhole || isUsage)));
  mark(years, !typed[1] || (lifetime > 0 && (!isWhole || isUsage)));
  return isWhole ? (isUsage ? images : NaN) : null;
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
export function parameters({ ofView = true, page = 1 } = {}) {
  const wanted = new URLSearchParams();
  const given = new URLSearchParams(location.search);
  for (const [name, value] of new FormData(form)) {
    if (HELPERS.has(name) || name === "columns" || (!ofView && OF_THE_VIEW.has(name))) continue;
    const isOpen = ["track", "hardware"].includes(name) && !given.has(name);
    if (isOpen || isDefault(name, value)) continue;
    wanted.append(name, inAddress(name, value));
  }
  if (ofView && !isDefaultColumns()) {
    wanted.set("columns", chosenColumns().join() || "method");
  }
  if (page > 1) wanted.set("page", page);
  return wanted;
}

/** A field's value as the server writes it. */
function inAddress(name, value) {
  if (name === "min_quality" && readFloor() >= 0) return String(readFloor());
  if ("limit" in (form.elements[name].dataset ?? {})) return limitInAddress(form.elements[name]);
  return name === "price_per_kwh" && parsePrice(value) >= 0 ? String(parsePrice(value)) : value.trim();
}

function isDefault(name, value) {
  if (value === "" || value === form.elements[name].dataset?.default) return true;
  if (name === "min_quality") return readFloor() === defaultFloor;
  if (name === "usage_intensity") return Number(value) === DEFAULT_USAGE;
  if (name === "accuracy_weight" && !within(Number(value), 0, MOST_WEIGHT)) return true; // hidden, and not valid
  return ["shared_by", "pue", "accuracy_weight"].includes(name) && Number(value) === 1;
}

export function addressOf(wanted) {
  const text = wanted.toString();
  return location.pathname + (text ? `?${text}` : "");
}
