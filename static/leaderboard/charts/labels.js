/** Texts in figures: names escaped and shortened. */

import { SPACE, percent, sample } from "../format.js";
import { qualityNote } from "../rows.js";

/** Plotly reads a few HTML tags in its texts, and fills in %{…}; a method's title is plain text. */
export const escape = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("%", "&#37;");

/** A title short enough for a place, whole characters only. */
export function cut(title, most = 20) {
  const letters = Array.from(title);
  return letters.length <= most ? title : `${letters.slice(0, most - 1).join("")}…`;
}

const QUALITY_SOURCES = { reported: ", reported", supplied: ", on the submitter’s weights" };

/** An entry's quality, marked if the submitter reports it, or if it is of the submitter's weights. */
export const qualityText = (entry) => percent(entry.quality) + (QUALITY_SOURCES[qualityNote(entry)] ?? "");

/** The provenance of an entry's joules, and whether its recipe was sampled. */
export function provenanceText({ provenance, mode, data }) {
  const sampled = sample(mode, data);
  return sampled ? `${provenance}, ${sampled}` : provenance;
}

/** The sign before a total that misses a phase, nothing before another's. */
export const atLeast = (entry) => (entry.complete ? "" : `≥${SPACE}`);
