/**
 * How figures are written, as in leaderboard/presentation/format.py; tests/vectors/format.json holds both.
 *
 * toExponential and toFixed round half up on the exact binary value; units are chosen after rounding, so that 999.7 J
 * is "1.00 kJ". null is unknown and is written as a dash; zero was measured.
 */

export const UNKNOWN = "—";
export const SPACE = "\u00a0";
const TONNE_FROM_KG = 999.5; // with three digits that is a tonne
const PREFIXES = ["f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E", "Z", "Y"];
const FIRST_STEP = -5;
const LEAST_IN_WORDS = 999_500; // with three digits that is a million
const SUPERSCRIPTS = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹";
const COUNT_WORDS = { 2: "million", 3: "billion", 4: "trillion", 5: "quadrillion" };

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** The first digits of a positive value, rounded, and the decimal exponent of the first of them. */
function significant(value, digits = 3) {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return [mantissa.replace(".", ""), Number(exponent)];
}

function point(digits, exponent) {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  if (exponent >= digits.length - 1) return digits + "0".repeat(exponent - digits.length + 1);
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

const withoutTrailingZeros = (number) => (number.includes(".") ? number.replace(/\.?0+$/, "") : number);

function grouped(number) {
  const [whole, fraction] = number.split(".");
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? groups : `${groups}.${fraction}`;
}

/** Three significant digits with an SI prefix: 12345 as "12.3 k". */
export function si(value, unit = "") {
  if (value === null) return UNKNOWN;
  if (value === 0) return unit ? `0${SPACE}${unit}` : "0";
  const sign = value < 0 ? "−" : "";
  const [digits, exponent] = significant(Math.abs(value));
  const step = clamp(Math.floor(exponent / 3), FIRST_STEP, FIRST_STEP + PREFIXES.length - 1);
  const suffix = PREFIXES[step - FIRST_STEP] + unit;
  return suffix ? `${sign}${point(digits, exponent - 3 * step)}${SPACE}${suffix}` : sign + point(digits, exponent);
}

/** A positive figure without a unit, three significant digits: "0.812", "12,300", "8.12 × 10⁻⁷". */
export function number(value, digitsShown = 3) {
  if (value === null) return UNKNOWN;
  if (value === 0) return "0";
  const [digits, exponent] = significant(value, digitsShown);
  if (exponent >= -4 && exponent < 6) return grouped(point(digits, exponent));
  const power = String(exponent).replace(/./g, (character) => SUPERSCRIPTS["-0123456789".indexOf(character)]);
  return `${point(digits, 0)}${SPACE}×${SPACE}10${power}`;
}

/** The τ of greenness, at most six significant digits: "5", "0.5". */
export const weight = (value) => (value === 0 ? "0" : withoutTrailingZeros(point(...significant(value, 6))));

/** Greenness given per joule: "0.812 per MJ". */
export const perMegajoule = (perJoule) =>
  perJoule === null ? UNKNOWN : `${number(perJoule * 1e6)}${SPACE}per${SPACE}MJ`;

/** Energy given in joules: "12.3 kJ". */
export const joules = (value) => si(value, "J");

/** Energy given in joules, as watt hours: "3.42 kWh". */
export const wattHours = (value) => si(value === null ? null : value / 3600, "Wh");

/** CO2-equivalent given in kilograms: "12.3 g", "4.56 kg", and in tonnes from one on: "7.89 t", "1.20 kt". */
export function carbon(value) {
  if (value === null) return UNKNOWN;
  return value < TONNE_FROM_KG ? si(value * 1000, "g") : si(value / 1000, "t");
}

/** Money, three significant digits: "0.0123 EUR", "12,300 kr", "1.23 million USD", without a currency "12.3". */
export function cost(value, currency) {
  const amount = value < LEAST_IN_WORDS ? number(value) : count(value);
  return currency ? `${amount}${SPACE}${currency}` : amount;
}

/** A latency given in milliseconds, three significant digits: "4.20 ms", "1.50 s". */
export const milliseconds = (value) => si(value === null ? null : value / 1000, "s");

/** Images in words: "20,000", "3.4 million", "1 trillion". */
export function count(value) {
  if (value === null) return UNKNOWN;
  if (value === 0) return "0";
  const [digits, exponent] = significant(value);
  const step = Math.min(5, Math.floor(exponent / 3));
  if (step < 2) return grouped(withoutTrailingZeros(point(digits, exponent)));
  return `${grouped(withoutTrailingZeros(point(digits, exponent - 3 * step)))}${SPACE}${COUNT_WORDS[step]}`;
}

/** A number of images with its noun: "1 image", "3.4 million images". */
export function images(value) {
  const number = count(value);
  return number === "1" ? `${number} image` : `${number} images`;
}

/** A quality, given as a fraction: "97.2 %". */
export const percent = (value) => (value === null ? UNKNOWN : `${(value * 100).toFixed(1)}${SPACE}%`);

/** A quality floor, given as a fraction: "75 %", "70.1 %". */
export const floorPercent = (value) => `${weight(value * 100)}${SPACE}%`;

/** A part of a whole, given as a fraction, in whole per cent; neither a trace nor a near-whole is rounded away. */
export function share(value) {
  if (value === null) return UNKNOWN;
  if (value > 0 && value < 0.01) return `<${SPACE}1${SPACE}%`;
  if (value > 0.99 && value < 1) return `>${SPACE}99${SPACE}%`;
  return `${(value * 100).toFixed(0)}${SPACE}%`;
}

/** A part of a bar, given as a fraction, for a style: "41.27%". */
export const width = (value) => `${(value * 100).toFixed(2)}%`;

/** How little of a recipe was run: "sampled", "sampled on synthetic images"; empty if all of it was. */
export function sample(mode, data) {
  if (mode === "full") return "";
  return data === "synthetic" ? "sampled on synthetic images" : "sampled";
}

/** Uncertainty as a part of its value, two significant digits: "± 2.1 %". No uncertainty known: "± —". */
export function relative(u95, value) {
  if (!u95 || value <= 0) return `±${SPACE}${UNKNOWN}`;
  const [digits, exponent] = significant((u95 / value) * 100, 2);
  return `±${SPACE}${point(digits, exponent)}${SPACE}%`;
}
