/** The result in words, as in leaderboard/presentation/summary.py. */

import { energyPerCorrectJ, oneTimeEnergyJ } from "./ranking.js";
import { SPACE, count, images, joules, percent, sample, share, wattHours } from "./format.js";
import { QUALITY_NOTES, entryUrl, qualityNote } from "./rows.js";

const QUALITY_LABELS = { top1: "top-1" };

function whyNoneIsRanked({ ranking }) {
  const { incomplete, withoutValue } = ranking.unranked();
  if (withoutValue === 0) return "every entry has a missing phase, so its total is a lower bound";
  if (incomplete === 0) return "no entry has a correct prediction";
  return "every entry has a missing phase or no correct prediction";
}

/** The result in words, in pieces: {text}, with {strong} if it is emphasised and {url} if it is a link. */
export function summary({ query, board, champions, hardwareName, belowFloor }) {
  if (board.ranking.order.length === 0) return [{ text: nothing(query, belowFloor) }];
  const first = board.ranking.place(0);
  const winner = board.byKey.get(first.key);
  const pieces = [
    { text: "For " },
    { text: images(query.usageIntensity), strong: true },
    { text: `${floor(query, winner)} on ${hardwareName}, ` },
  ];
  if (first.rank === null) {
    pieces.push({ text: `no entry is ranked: ${whyNoneIsRanked(board)}.` });
    return pieces;
  }
  const ahead = first.energy_j > 0 ? oneTimeEnergyJ(winner, query.sharedBy) / first.energy_j : 0;
  pieces.push({ text: winner.method, url: entryUrl(winner.entry, query) }, { text: ` uses the least energy${among(query)}` });
  if (query.orderBy === "greenness") {
    const perCorrectJ = energyPerCorrectJ(first.energy_j, query.usageIntensity, winner.quality);
    pieces.push({ text: ` per correct prediction, ${joules(perCorrectJ)}` });
  }
  pieces.push(
    { text: `: ${winner.complete ? "" : "at least "}` },
    { text: joules(first.energy_j), strong: true },
    { text: ` (${wattHours(first.energy_j)}${trusted(winner)}) over its life` },
    { text: `, ${share(ahead)} of it one-time` },
  );
  const qualityCounts = query.minQuality !== null || query.orderBy === "greenness";
  if (qualityCounts && qualityNote(winner)) {
    pieces.push({ text: `, its quality ${QUALITY_NOTES[qualityNote(winner)]}` });
  }
  const others = (first.rank_worst ?? 1) - 1;
  if (others > 0) {
    pieces.push({ text: `, but ${others} ${others === 1 ? "other is" : "others are"} within uncertainty` });
  }
  return pieces.concat(whatFollows(query, first, champions, board));
}

function nothing(query, belowFloor) {
  if (belowFloor > 0 && query.minQuality !== null) {
    const which = belowFloor === 1 ? "The only matching entry is" : `All ${belowFloor} matching entries are`;
    return `${which} below the quality floor of ${percent(query.minQuality)}.`;
  }
  return "No entry matches these filters.";
}

function trusted(entry) {
  const provenance = { metered: "", missing: "excluding missing phases" }[entry.provenance] ?? entry.provenance;
  const details = [provenance, sample(entry.mode, entry.data)].filter((words) => words !== "");
  return details.map((words) => `, ${words}`).join("");
}

function among({ families, provenance, words }) {
  return families.size + provenance.size + words.length > 0 ? " of the filtered entries" : "";
}

function floor(query, entry) {
  if (query.minQuality === null) return "";
  return ` at ≥${SPACE}${percent(query.minQuality)} ${QUALITY_LABELS[entry.quality_metric] ?? entry.quality_metric}`;
}

function whatFollows(query, first, champions, { ranking, byKey }) {
  const here = champions.filter((champion) => champion.from_usage_intensity <= query.usageIntensity).length - 1;
  if (here < 0 || champions[here].key !== first.key || query.orderBy !== "energy") return [{ text: "." }];
  if (here + 1 === champions.length) {
    return [{ text: ranking.order.length > 1 ? "; no entry overtakes it at higher usage." : "." }];
  }
  const following = byKey.get(champions[here + 1].key);
  return [
    { text: `; from ${count(champions[here + 1].from_usage_intensity)} on, ` },
    { text: following.method, url: entryUrl(following.entry, query) },
    { text: " wins." },
  ];
}

/** Which entry wins at which usage intensity: a line for each champion, the reader's marked. */
export function crossings(champions, byKey, query) {
  return champions.map(({ key, from_usage_intensity: start, to_usage_intensity: end }) => {
    const entry = byKey.get(key);
    return {
      span: span(start, end),
      method: entry.method,
      url: entryUrl(entry.entry, query),
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
