/** Axes of figures, labelled as the site writes joules and images. */

import { SPACE, count, joules } from "../format.js";

export const GREATEST_EXPONENT = 13;
const narrow = matchMedia("(max-width: 40rem)");
export const isNarrow = () => narrow.matches;
/** Figures leave out what has no room on a phone: make them again when a window becomes narrow, or wide. */
export const onWidthChange = (action) => narrow.addEventListener("change", action);
/** A text for Plotly, which ignores no-break spaces. */
export const plain = (text) => text.replaceAll(SPACE, " ");

// "10 kJ" for "10.0 kJ": a tick is a round number.
const tick = (value) => plain(joules(value)).replace(/(\.\d*?)0+ /, "$1 ").replace(". ", " ");

/** Usage intensity from 1 to 10 trillion images, logarithmic. */
export function usageAxis() {
  const exponents = Array.from({ length: 5 }, (_, step) => step * 3);
  return {
    title: { text: isNarrow() ? "Images over the model's life" : "Usage intensity, images over the model's life" },
    type: "log",
    range: [0, GREATEST_EXPONENT],
    tickvals: exponents.map((exponent) => 10 ** exponent),
    ticktext: exponents.map((exponent) => plain(count(10 ** exponent))),
  };
}

/** A logarithmic axis of joules that spans `values`. */
export function energyAxis(values, title) {
  const known = values.filter((value) => value > 0 && value < Infinity);
  if (known.length === 0) return { title: { text: title }, type: "log", range: [0, 1], showticklabels: false };
  const [least, most] = [Math.min(...known), Math.max(...known)].map(Math.log10);
  const span = most - least;
  const steps = span > 4 || (isNarrow() && span > 2) ? [1] : span > 1.5 ? [1, 3] : [1, 2, 3, 5, 7];
  const decades = Array.from({ length: Math.ceil(span) + 3 }, (_, at) => Math.floor(least) - 1 + at);
  const every = Math.max(1, Math.round(span / (isNarrow() ? 4 : 7)));
  const values10 = decades.filter((decade) => decade % every === 0);
  const ticks = values10.flatMap((decade) => steps.map((step) => Number(`${step}e${decade}`)));
  const edge = 0.06 * span + 0.05;
  return {
    title: { text: title },
    type: "log",
    range: [least - edge, most + edge],
    tickvals: ticks,
    ticktext: ticks.map(tick),
  };
}

/** An axis of joules from zero to `most`. */
export function energyAxisFromZero(most, title) {
  const raw = most / (isNarrow() ? 3 : 5) || 1;
  const decade = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((factor) => factor * decade >= raw) * decade;
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
  return { title: { text: title }, range: [0, most * 1.02 || 1], tickvals: ticks, ticktext: ticks.map(tick) };
}
