/** What a line of the table shows, and the result in words, as leaderboard/views/rows.py says it. */

import { energyPerCorrectJ, oneTimeEnergyJ } from "./ranking.js";
import { SPACE, UNKNOWN, count, images, joules, percent, relative, share, wattHours, width } from "./format.js";

const SHARED_PHASES = new Set(["search", "pretrain"]);
const QUALITY_LABELS = { top1: "top-1" };
const MISSING_PHASE = "a phase is missing, so the total is a lower bound";
const NO_CORRECT_PREDICTION = "no prediction is correct, so there is no energy per correct one";

export const entryUrl = (entry) => `/entries/${entry}/`;

/** The phases of an entry's life as parts of its full-cycle energy, shared phases divided by K. */
export function bar(entry, usageIntensity, sharedBy) {
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
    return { phase, provenance, width: width(part), label: `${phase} ${share(part)}` };
  });
}

export function meteredShare(entry, energyJ, query) {
  let meteredJ = entry.metered_shared_j / query.sharedBy + entry.metered_own_j;
  if (entry.inference_provenance === "metered") meteredJ += query.usageIntensity * entry.inference_energy_j;
  return energyJ > 0 ? Math.min(1, meteredJ / energyJ) : 0;
}

/** The texts of one line, ready to show. */
export function row(entry, place, query, families) {
  const atLeast = entry.complete ? "" : `≥${SPACE}`;
  const segments = bar(entry, query.usageIntensity, query.sharedBy);
  return {
    entry: entry.entry,
    url: entryUrl(entry.entry),
    rank: rankText(place),
    rank_title: place.rank === null ? `not ranked: ${whyNotRanked(entry, place, query)}` : rankTitle(place),
    method: entry.method,
    family: families[entry.family] ?? entry.family,
    quality: percent(entry.quality),
    quality_note: entry.quality_provenance === "reported" ? "reported" : "",
    energy: atLeast + joules(place.energy_j),
    energy_title: wattHours(place.energy_j),
    u95: relative(place.u95_j, place.energy_j),
    bar: segments,
    bar_label: segments.map((segment) => segment.label).join(", "),
    one_time: atLeast + joules(oneTimeEnergyJ(entry, query.sharedBy)),
    per_image: entry.inference_provenance === "missing" ? UNKNOWN : joules(entry.inference_energy_j),
    provenance: entry.provenance,
    metered: share(meteredShare(entry, place.energy_j, query)),
  };
}

function rankText({ rank, rank_best: best, rank_worst: worst }) {
  if (rank === null) return UNKNOWN;
  return best === worst ? String(rank) : `${best}–${worst}`;
}

function rankTitle({ rank, rank_best: best, rank_worst: worst }) {
  if (best === null) return `rank ${rank}, its uncertainty is not known`;
  if (best === worst) return `rank ${rank}`;
  return `in place ${rank}; between ${best} and ${worst} within uncertainty`;
}

function whyNotRanked(entry, place, query) {
  return lacksValue(entry, place, query) ? NO_CORRECT_PREDICTION : MISSING_PHASE;
}

/** Whether the entry has no energy per correct prediction, and that is asked for. */
function lacksValue(entry, place, query) {
  if (query.orderBy !== "energy_per_correct") return false;
  return energyPerCorrectJ(place.energy_j, query.usageIntensity, entry.quality) === null;
}

function whyNoneIsRanked(query, places, byKey) {
  const lacking = new Set(places.map((place) => lacksValue(byKey.get(place.key), place, query)));
  if (lacking.size > 1) return "each one misses a phase or predicts nothing correctly";
  return lacking.has(true)
    ? "none of them predicts anything correctly"
    : "each one misses a phase, so its total is a lower bound";
}

/** The result in words, in pieces: {text}, with {strong} or {url} where it is one. */
export function summary({ query, places, champions, byKey, hardwareName, belowFloor }) {
  if (places.length === 0) return [{ text: nothing(query, belowFloor) }];
  const first = places[0];
  const winner = byKey.get(first.key);
  const pieces = [
    { text: "For " },
    { text: images(query.usageIntensity), strong: true },
    { text: `${floor(query, winner)} on ${hardwareName}, ` },
  ];
  if (first.rank === null) {
    pieces.push({ text: `no entry is ranked: ${whyNoneIsRanked(query, places, byKey)}.` });
    return pieces;
  }
  const ahead = first.energy_j > 0 ? oneTimeEnergyJ(winner, query.sharedBy) / first.energy_j : 0;
  pieces.push({ text: winner.method, url: entryUrl(winner.entry) }, { text: " uses the least energy" });
  if (query.orderBy === "energy_per_correct") {
    const perCorrectJ = energyPerCorrectJ(first.energy_j, query.usageIntensity, winner.quality);
    pieces.push({ text: ` per correct prediction, ${joules(perCorrectJ)}` });
  }
  pieces.push(
    { text: `: ${winner.complete ? "" : "at least "}` },
    { text: joules(first.energy_j), strong: true },
    { text: ` over its life, ${share(ahead)} of it before the first use` },
  );
  const others = (first.rank_worst ?? 1) - 1;
  if (first.u95_j === null) {
    pieces.push({ text: ", though its uncertainty is not known" });
  } else if (others > 0) {
    pieces.push({ text: `, though ${others} ${others === 1 ? "other is" : "others are"} within uncertainty` });
  }
  return pieces.concat(whatFollows(query, first, places, champions, byKey));
}

function nothing(query, belowFloor) {
  if (belowFloor > 0 && query.minQuality !== null) {
    const which = belowFloor === 1 ? "The only entry" : `Each of the ${belowFloor} entries`;
    return `${which} that could be shown is below the quality floor of ${percent(query.minQuality)}.`;
  }
  return "No entry matches these filters.";
}

function floor(query, entry) {
  if (query.minQuality === null) return "";
  return ` at ≥${SPACE}${percent(query.minQuality)} ${QUALITY_LABELS[entry.quality_metric] ?? entry.quality_metric}`;
}

function whatFollows(query, first, places, champions, byKey) {
  const here = champions.filter((champion) => champion.from_usage_intensity <= query.usageIntensity).length - 1;
  if (here < 0 || champions[here].key !== first.key || query.orderBy !== "energy") return [{ text: "." }];
  if (here + 1 === champions.length) {
    return [{ text: places.length > 1 ? "; nothing here overtakes it at higher use." : "." }];
  }
  const following = byKey.get(champions[here + 1].key);
  return [
    { text: `; from ${count(champions[here + 1].from_usage_intensity)} on, ` },
    { text: following.method, url: entryUrl(following.entry) },
    { text: " does." },
  ];
}

/** Who wins where, a line for each champion, and which of them is the reader's. */
export function crossings(champions, byKey, query) {
  return champions.map(({ key, from_usage_intensity: start, to_usage_intensity: end }) => {
    const entry = byKey.get(key);
    return {
      span: span(start, end),
      method: entry.method,
      url: entryUrl(entry.entry),
      one_time: joules(oneTimeEnergyJ(entry, query.sharedBy)),
      per_image: joules(entry.inference_energy_j),
      here: start <= query.usageIntensity && (end === null || query.usageIntensity < end),
    };
  });
}

function span(start, end) {
  if (end === null) return start > 0 ? `from ${count(start)} on` : "at any usage";
  return start > 0 ? `${count(start)} to ${count(end)}` : `up to ${count(end)}`;
}
