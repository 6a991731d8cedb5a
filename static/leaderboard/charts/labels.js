/** Words in figures: names made harmless and short. */

import { SPACE, percent, sample } from "../format.js";
import { qualityNote } from "../rows.js";

/** Plotly reads a few HTML tags in its texts, and fills in what stands in %{…}; a method's title is text alone. */
export const escape = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("%", "&#37;");

/** A title short enough for a place, whole characters only. */
export function cut(title, most = 20) {
  const letters = Array.from(title);
  return letters.length <= most ? title : `${letters.slice(0, most - 1).join("")}…`;
}

const QUALITY_SOURCES = { reported: ", reported", supplied: ", on the submitter’s weights" };

/** An entry's quality, marked where it is the submitter's word, or of the submitter's weights. */
export const qualityText = (entry) => percent(entry.quality) + (QUALITY_SOURCES[qualityNote(entry)] ?? "");

/** Where an entry's joules are from, and how little of its recipe was run for them. */
export function provenanceText({ provenance, mode, data }) {
  const ran = sample(mode, data);
  return ran ? `${provenance}, ${ran}` : provenance;
}

/** The sign before a total that misses a phase, nothing before another's. */
export const atLeast = (entry) => (entry.complete ? "" : `≥${SPACE}`);
