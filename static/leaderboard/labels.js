/** Words in figures: names made harmless and short. */

import { SPACE, percent } from "./format.js";

/** Plotly reads a few HTML tags in its texts, and fills in what stands in %{…}; a method's title is text alone. */
export const escape = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("%", "&#37;");

/** A title short enough for a place, whole characters only. */
export function cut(title, most = 20) {
  const letters = Array.from(title);
  return letters.length <= most ? title : `${letters.slice(0, most - 1).join("")}…`;
}

/** An entry's quality, marked where it is the submitter's word. */
export const qualityText = (entry) => percent(entry.quality) + (entry.quality_provenance === "reported" ? ", reported" : "");

/** The sign before a total that misses a phase, nothing before another's. */
export const atLeast = (entry) => (entry.complete ? "" : `≥${SPACE}`);
