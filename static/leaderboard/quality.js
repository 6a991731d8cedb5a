/** Quality as people type it, as leaderboard/domain/quality.py reads it, and who evaluated it. */

const TYPED = /^\+?(\d+(?:[.,]\d*)?|[.,]\d+)(?:e([+-]?\d{1,3}))?\s*(%|per ?cent)?$/i;

/** A quality as a fraction: "0.75", "75" and "75 %" are the same; NaN for what can't be read, and outside 0 to 1. */
export function parseQuality(text) {
  const found = TYPED.exec(text.trim());
  if (found === null) return NaN;
  const [, digits, exponent = "0", sign] = found;
  // The decimal point is moved, not divided by: 70.1 % is the same number as 0.701.
  const moved = (places) => Number(`${digits.replace(",", ".")}e${Number(exponent) - places}`);
  const isPercent = sign !== undefined || moved(0) > 1;
  if (moved(0) > (isPercent ? 100 : 1)) return NaN; // before the point is moved, which rounds
  return moved(isPercent ? 2 : 0);
}

/** Who evaluated an entry's quality: "evaluated" (by this site's worker), "supplied", "published" or "reported". */
export function qualityBy({ source, quality_provenance: provenance, submitters_weights: isSupplied }) {
  if (source === "published") return "published";
  if (provenance === "reported") return "reported";
  return isSupplied ? "supplied" : "evaluated";
}
