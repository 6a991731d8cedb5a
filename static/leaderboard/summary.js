/** The result in words, as in leaderboard/presentation/summary.py. */

import { accuracyFactor, scaled } from "./greenness.js";
import { oneTimeEnergyJ } from "./ranking.js";
import { SPACE, count, floorPercent, images, joules, number, percent, sample, share, wattHours, weight } from "./format.js";
import { entryUrl, qualityMarks } from "./rows.js";

const QUALITY_LABELS = { map: "mAP", top1: "top-1" };

function whyNoneIsRanked({ ranking }) {
  const { incomplete, withoutValue } = ranking.unranked();
  if (withoutValue === 0) return "every entry has a missing phase, so its total is a lower bound";
  if (incomplete === 0) return "no entry is accurate enough to rank at this τ";
  return "every entry has a missing phase or is not accurate enough to rank at this τ";
}

/** The result in words, in pieces: {text}, with {strong} if it is emphasised and {url} if it is a link. */
export function summary({ query, board, hardwareName, belowFloor }) {
  if (board.ranking.order.length === 0) return [{ text: nothing(query, belowFloor) }];
  const first = board.ranking.place(0);
  const winner = board.byKey.get(first.key);
  const pieces = [
    { text: "For " },
    { text: images(query.usageIntensity), strong: true },
    { text: ` on ${hardwareName}, ` },
  ];
  if (first.rank === null) {
    const atFloor = query.minQuality > 0 ? floor(query) : "";
    pieces.push({ text: `no entry${atFloor} is ranked: ${whyNoneIsRanked(board)}.` });
    return pieces;
  }
  const ahead = first.energy_j > 0 ? oneTimeEnergyJ(winner, query.sharedBy) / first.energy_j : 0;
  const known = [`${percent(winner.quality)} ${qualityLabel(winner)}`, ...qualityMarks(winner, query)].join(", ");
  const others = (first.rank_worst ?? 1) - 1;
  const within = others > 0 ? `, but ${others} ${others === 1 ? "other is" : "others are"} within uncertainty` : "";
  return pieces.concat([
    { text: winner.method, url: entryUrl(winner.entry, query) },
    { text: ` (${known}) ${bestOf(query, board.ranking)}: ${winner.complete ? "" : "at least "}` },
    { text: joules(first.energy_j), strong: true },
    { text: ` (${wattHours(first.energy_j)}${trusted(winner)}) over its life` },
    { text: `, ${share(ahead)} of it one-time` },
    { text: `${within}.` },
  ]);
}

/** What the winner is best at, and among how many. */
function bestOf(query, { rankedCount }) {
  const filtered = isFiltered(query) ? "filtered " : "";
  const models = `${rankedCount.toLocaleString("en-US")} ${filtered}${rankedCount === 1 ? "model" : "models"}`;
  const among = `of ${models}${floor(query)}`;
  if (query.orderBy === "energy") return `uses the least energy ${among}`;
  return `is the greenest at τ = ${weight(query.accuracyWeight)} ${among}`;
}

/** What comes next, in pieces: the runner-up and its distance, and where the answer changes. */
export function following({ query, board, champions }) {
  const { ranking, byKey } = board;
  if (ranking.rankedCount === 0) return [];
  if (ranking.rankedCount === 1) return [{ text: "No other entry is ranked." }];
  const [first, second] = [ranking.place(0), ranking.place(1)];
  const next = byKey.get(second.key);
  return [
    { text: "Next: " },
    { text: next.method, url: entryUrl(next.entry, query) },
    { text: ` (${percent(next.quality)})${distance(query, first, second, next, ranking)}.` },
    ...changes(query, first, champions, byKey),
  ];
}

/** How far the second is from the first: in greenness, or in energy. */
function distance(query, first, second, next, ranking) {
  if (query.orderBy === "greenness") return `, ${number(ranking.greenness(1).percent)}${SPACE}% as green`;
  if (!(first.energy_j > 0)) return "";
  const bound = next.complete ? "" : "at least ";
  const times = second.energy_j / first.energy_j;
  if (times === 1) return ` with ${bound}the same energy`;
  return times < 2 ? ` with ${bound}${share(times - 1)} more` : ` with ${bound}${number(times)} times the energy`;
}

/** Who wins at lower and at higher usage; nothing if the winner is not on the envelope. */
function changes(query, first, champions, byKey) {
  const here = champions.filter((champion) => champion.from_usage_intensity <= query.usageIntensity).length - 1;
  if (here < 0 || champions[here].key !== first.key) return [];
  const named = (position) => {
    const entry = byKey.get(champions[position].key);
    return { text: entry.method, url: entryUrl(entry.entry, query) };
  };
  const isLast = here + 1 === champions.length;
  const start = (position) => champions[position].from_usage_intensity;
  if (here === 0) {
    if (isLast) return [{ text: " No other wins at any usage." }];
    return [{ text: ` From ${images(start(1))} on, ` }, named(1), { text: " wins." }];
  }
  const below = [{ text: ` Below ${images(start(here))}, ` }, named(here - 1)];
  if (isLast) return [...below, { text: " wins; at higher usage no other does." }];
  return [...below, { text: ` wins; from ${count(start(here + 1))} on, ` }, named(here + 1), { text: "." }];
}

const qualityLabel = (entry) => QUALITY_LABELS[entry.quality_metric] ?? entry.quality_metric;

function nothing(query, belowFloor) {
  if (belowFloor > 0) {
    const entries = belowFloor.toLocaleString("en-US");
    const which = belowFloor === 1 ? "The only matching entry is" : `All ${entries} matching entries are`;
    return `${which} below the quality floor of ${floorPercent(query.minQuality)}.`;
  }
  return "No entry matches these filters.";
}

function trusted(entry) {
  const provenance = { metered: "", missing: "excluding missing phases" }[entry.provenance] ?? entry.provenance;
  const details = [provenance, sample(entry.mode, entry.data)].filter((words) => words !== "");
  return details.map((words) => `, ${words}`).join("");
}

function isFiltered({ families, provenance, qualityBy, runAs, words, source, constraints }) {
  const ofRunning = Object.values(runAs).some((chosen) => chosen.size > 0);
  const others = families.size + provenance.size + qualityBy.size + words.length + constraints.length;
  return ofRunning || others > 0 || source !== "";
}

function floor({ minQuality, defaultFloor }) {
  if (minQuality > 0) return ` at ≥${SPACE}${floorPercent(minQuality)}`;
  return defaultFloor > 0 ? ", without a quality floor" : "";
}

/** What a τ means, as an exchange of accuracy for energy. */
export function worth(accuracyWeight) {
  if (accuracyWeight === 0) return "accuracy does not count";
  const energy = 100 * (accuracyFactor(1.01, accuracyWeight) - 1);
  return `1${SPACE}% more accuracy is worth ${number(energy, 2)}${SPACE}% more energy`;
}

/** Why the order changes when τ rises: the winner compared with the one at τ = 0. Empty in the order of energy. */
export function why({ query, board, eligible }) {
  const { ranking } = board;
  const leastIndex = ranking.leastEnergy(eligible);
  if (query.orderBy === "energy" || ranking.rankedCount === 0 || leastIndex === undefined) return "";
  const [firstIndex, tau] = [ranking.order[0], weight(query.accuracyWeight)];
  if (query.accuracyWeight === 0) return "At τ = 0, accuracy does not count: the order is that of energy.";
  const [first, least] = [board.entry(firstIndex), board.entry(leastIndex)];
  if (firstIndex === leastIndex) {
    return `At τ = ${tau}, ${titled(first)} still wins, as at τ = 0: no higher accuracy outweighs its lower energy.`;
  }
  const opening = `At τ = ${tau}, ${titled(first)} beats ${titled(least)}, the winner at τ = 0`;
  const [firstFactor, leastFactor] = [ranking.factors[firstIndex], ranking.factors[leastIndex]];
  const [firstJ, leastJ] = [ranking.energyJ[firstIndex], ranking.energyJ[leastIndex]];
  if (scaled(leastJ, leastFactor) === Infinity) return `${opening}, whose accuracy is too low to rank at this τ.`;
  const [energy, gain] = distinct(firstJ / leastJ, firstFactor / leastFactor);
  const qualities = `${first.quality.toFixed(3)}/${least.quality.toFixed(3)}`;
  return `${opening}: it uses ${energy} times the energy, but (${qualities})^${tau} ≈ ${gain}.`;
}

const titled = (entry) => `${entry.method} (${percent(entry.quality)})`;

/** Two figures with as many digits as show their difference, three to eight. */
function distinct(a, b) {
  for (let digits = 3; digits < 8; digits += 1) {
    if (number(a, digits) !== number(b, digits)) return [number(a, digits), number(b, digits)];
  }
  return [number(a, 8), number(b, 8)];
}

/** What the champions are best at. */
export function crossingsTitle({ orderBy, accuracyWeight }) {
  if (orderBy === "energy") return "Which entry uses the least energy";
  return `Which entry is the greenest at τ = ${weight(accuracyWeight)}`;
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
