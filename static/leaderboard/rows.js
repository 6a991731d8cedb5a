/** What a line of the table shows, as in leaderboard/presentation/rows.py. */

import { accuracyFactor, scaled } from "./greenness.js";
import { qualityBy } from "./quality.js";
import { oneTimeEnergyJ, weightInOrder } from "./ranking.js";
import {
  SPACE,
  UNKNOWN,
  carbon,
  cost,
  floorPercent,
  joules,
  milliseconds,
  number,
  perMegajoule,
  percent,
  relative,
  sample,
  share,
  si,
  wattHours,
  width,
} from "./format.js";

const SHARED_PHASES = new Set(["search", "pretrain"]);
const JOULES_PER_KWH = 3.6e6;
const MISSING_PHASE = "a phase is missing, so the total is a lower bound";
const TOO_INACCURATE = "its accuracy is too low to rank at this τ";
const SOURCE_TITLES = {
  verified: "Measured by this site's workers",
  published: "Figures of others, with their sources; not run by this site's workers",
};
// If a quality isn't of what the worker made: a mark for a narrow column, and what the mark means.
const QUALITY_NOTES = {
  published: "published by others",
  reported: "reported by the submitter",
  supplied: "evaluated on the submitter's weights",
};
const BELOW_FLOOR = "below floor";

// On a copy of the site as files: the way from the page to its first folder.
const { root } = document.documentElement.dataset;
const entryPage = (entry) => (root ? `${root}/entries/${entry}/index.html` : `/entries/${entry}/`);

/** An entry's page, at the reader's usage intensity, sharing, quality floor, grid and price. */
export const entryUrl = (entry, query) => entryPage(entry) + useOf(query);

/** Usage intensity, sharing, floor, grid and price as parameters of an address. `lead`: "&" if others come before them. */
export function useOf({ usageIntensity, sharedBy, minQuality, defaultFloor, assumptions }, lead = "?") {
  const use = [];
  if (usageIntensity !== 1e6) use.push(`usage_intensity=${plain(usageIntensity)}`);
  if (sharedBy !== 1) use.push(`shared_by=${plain(sharedBy)}`);
  if (minQuality !== defaultFloor) use.push(`min_quality=${plain(minQuality)}`);
  use.push(...assumptions);
  return use.length > 0 ? `${lead}${use.join("&")}` : "";
}

/** A number as Python's ".15g" writes it, for an address. */
export function plain(value) {
  const [mantissa, exponent] = value.toExponential(14).split("e");
  const digits = mantissa.replace(/\.?0+$/, "");
  if (Number(exponent) >= 15 || Number(exponent) < -4) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${digits}e${exponent < 0 ? "-" : "%2B"}${size}`;
  }
  return String(Number(value.toPrecision(15)));
}

/** Kilograms of CO2-equivalent of joules, in the reader's grid. */
const carbonKg = (energyJ, { pue, gramsPerKwh }) => ((energyJ / JOULES_PER_KWH) * pue * gramsPerKwh) / 1000;

/** What joules cost, empty without a price. */
const costText = (energyJ, { pue, price }, atLeast) =>
  price === null ? "" : atLeast + cost((energyJ / JOULES_PER_KWH) * pue * price.perKwh, price.currency);

/** The parameters of an entry's page with the entries that the reader has chosen to compare. */
function withChosen(use, chosen) {
  return chosen.length > 0 ? `${use || "?"}${use && "&"}chosen=${chosen.join("%2C")}` : use;
}

/**
 * The phases of an entry's life as parts of its full-cycle energy, shared phases divided by K. `fullJ`: the joules that
 * a bar of full width has; null for the entry's own total.
 */
export function bar(entry, usageIntensity, sharedBy, fullJ = null) {
  const parts = entry.phases.map(({ phase, provenance, energy_j: energyJ }) => ({
    phase,
    provenance,
    energyJ: energyJ !== null && SHARED_PHASES.has(phase) ? energyJ / sharedBy : energyJ,
  }));
  parts.push({
    phase: "inference",
    provenance: entry.inference_provenance,
    energyJ: usageIntensity * entry.inference_energy_j,
  });
  const totalJ = parts.reduce((sum, part) => sum + (part.energyJ ?? 0), 0);
  return parts.map(({ phase, provenance, energyJ }) => {
    if (energyJ === null || provenance === "missing") {
      return { phase, provenance: "missing", width: "", label: `${phase} missing` };
    }
    const part = totalJ > 0 ? energyJ / totalJ : 0;
    const wide = (fullJ ?? totalJ) > 0 ? Math.min(1, energyJ / (fullJ ?? totalJ)) : 0;
    return { phase, provenance, width: width(wide), label: `${phase} ${joules(energyJ)} (${share(part)})` };
  });
}

export function meteredShare(entry, energyJ, query) {
  let meteredJ = entry.metered_shared_j / query.sharedBy + entry.metered_own_j;
  if (entry.inference_provenance === "metered") meteredJ += query.usageIntensity * entry.inference_energy_j;
  return energyJ > 0 ? Math.min(1, meteredJ / energyJ) : 0;
}

/**
 * The texts that follow the usage intensity, sharing, grid and price. `fullJ`: the joules of a bar of full width, null
 * for its own total.
 */
export function figures(entry, place, query, fullJ = null) {
  const atLeast = entry.complete ? "" : `≥${SPACE}`;
  const segments = bar(entry, query.usageIntensity, query.sharedBy, fullJ);
  return {
    energy: atLeast + joules(place.energy_j),
    energy_title: wattHours(place.energy_j),
    u95: relative(place.u95_j, place.energy_j),
    bar: segments,
    bar_class: fullJ !== null && place.energy_j > fullJ ? "bar is-cut" : "bar",
    bar_label: segments.map((segment) => segment.label).join(", "),
    one_time: atLeast + joules(oneTimeEnergyJ(entry, query.sharedBy)),
    metered: share(meteredShare(entry, place.energy_j, query)),
    carbon: atLeast + carbon(carbonKg(place.energy_j, query)),
    cost: costText(place.energy_j, query, atLeast),
  };
}

/**
 * The texts of one line, ready to show. `greenness`: per joule and in per cent of the greenest. `fullJ`: the joules of
 * a bar of full width, null for its own total. `chosen`: the entries to compare.
 */
export function row(entry, place, greenness, query, families, { fullJ = null, chosen = [] } = {}) {
  const family = families[entry.family] ?? entry.family;
  return {
    entry: entry.entry,
    url: entryPage(entry.entry) + withChosen(useOf(query), chosen),
    rank: rankText(place),
    rank_title: place.rank === null ? `not ranked: ${whyNotRanked(entry, place, query)}` : rankTitle(place),
    method: entry.also_claimed_as ? `${entry.method} / ${entry.also_claimed_as}` : entry.method,
    family,
    family_again: family,
    quality: percent(entry.quality),
    quality_note: isBelowFloor(entry, query) ? BELOW_FLOOR : qualityNote(entry),
    quality_title: qualityMarks(entry, query).join(", "),
    quality_by: qualityBy(entry),
    greenness: atMost(entry, greenness.percent) + number(greenness.percent),
    greenness_title: atMost(entry, greenness.per_joule) + perMegajoule(greenness.per_joule),
    ...figures(entry, place, query, fullJ),
    per_image: entry.inference_provenance === "missing" ? UNKNOWN : joules(entry.inference_energy_j),
    provenance: entry.provenance,
    source: entry.source,
    source_title: SOURCE_TITLES[entry.source],
    run_mark: entry.run_mark ?? "",
    sample: sample(entry.mode, entry.data),
    results: entry.results > 1 ? `mean of ${entry.results}` : "",
    busy: entry.busy_machine ? "busy machine" : "",
    claimed: entry.also_claimed_as ? "two claims" : "",
    parameters: si(entry.parameters),
    macs: si(entry.macs),
    latency: milliseconds(entry.latency_p50_ms),
    memory: si(entry.peak_memory_bytes, "B"),
  };
}

/** The sign before a greenness whose energy is a lower bound. */
const atMost = (entry, greenness) => (greenness !== null && !entry.complete ? `≤${SPACE}` : "");

/** A mark for a quality that isn't of what the worker made, one of QUALITY_NOTES; empty for another. */
export const qualityNote = (entry) => (qualityBy(entry) in QUALITY_NOTES ? qualityBy(entry) : "");

const isBelowFloor = ({ quality }, { defaultFloor }) => quality < defaultFloor;

/** What a reader must know of a quality that the worker did not make, or that is below the track's floor. */
export function qualityMarks(entry, query) {
  const below = `below this track's floor of ${floorPercent(query.defaultFloor)}`;
  return [isBelowFloor(entry, query) ? below : "", QUALITY_NOTES[qualityNote(entry)] ?? ""].filter(Boolean);
}

export function rankText({ rank, rank_best: best, rank_worst: worst }) {
  if (rank === null) return UNKNOWN;
  return best === worst ? String(rank) : `${best}–${worst}`;
}

function rankTitle({ rank, rank_best: best, rank_worst: worst }) {
  if (best === null) return `rank ${rank}, uncertainty unknown`;
  if (best === worst) return `rank ${rank}`;
  return `rank ${rank}; between ${best} and ${worst} within uncertainty`;
}

function whyNotRanked(entry, place, query) {
  return lacksValue(entry, place, query) ? TOO_INACCURATE : MISSING_PHASE;
}

/** Whether the ranking is by greenness, and the entry has none. */
function lacksValue(entry, place, query) {
  return scaled(place.energy_j, accuracyFactor(entry.quality, weightInOrder(query))) === Infinity;
}
