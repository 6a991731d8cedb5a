/** A ranked board's lines in the order of any column, as in leaderboard/queries/sorting.py. */

import { scaled } from "./greenness.js";
import { sortColumn } from "./radixsort.js";

const EVALUATORS = ["evaluated", "supplied", "published", "reported"];
const TRUST = ["metered", "extrapolated", "reported", "estimated", "missing"];

/**
 * Lines (positions in the ranking's order) in the order of a column; null if that is the order of the ranks.
 *
 * @param {import("./snapshot.js").Board} board ranked
 * @param {string} sort a column's key, with "-" before it for descending
 * @param {Record<string, string>} families a family's name by its key
 * @returns {Uint32Array|null}
 */
export function sortedLines(board, sort, families) {
  if (sort === "rank") return null;
  const { ranking } = board;
  const valueOf = VALUES[sort.replace(/^-/, "")](board, families);
  const values = new Float64Array(ranking.order.length);
  for (let line = 0; line < values.length; line += 1) values[line] = valueOf(ranking.order[line], line);
  const lines = Uint32Array.from(values.keys());
  sortColumn(lines, values, sort.startsWith("-"));
  return lines;
}

const stored = (name) => (board) => {
  const values = board.columns[name];
  return (index) => values[index] ?? NaN;
};

const energy = ({ ranking }) => (index) => ranking.energyJ[index];

function greenness({ ranking }) {
  const factors = ranking.accuracyFactors(ranking.query.accuracyWeight);
  return (index) => {
    const energyJ = ranking.energyJ[index];
    return scaled(energyJ, factors[index]) < Infinity ? factors[index] / energyJ : NaN;
  };
}

function oneTime({ ranking }) {
  const { shared_energy_j: sharedJ, own_energy_j: ownJ } = ranking.columns;
  const { sharedBy } = ranking.query;
  return (index) => sharedJ[index] / sharedBy + ownJ[index];
}

const share = (partJ, wholeJ) => (wholeJ > 0 ? partJ / wholeJ : 0);

function meteredShare({ ranking, columns }) {
  const { usageIntensity, sharedBy } = ranking.query;
  return (index) => {
    let meteredJ = columns.metered_shared_j[index] / sharedBy + columns.metered_own_j[index];
    if (columns.inference_provenance[index] === "metered") meteredJ += usageIntensity * columns.inference_energy_j[index];
    return Math.min(1, share(meteredJ, ranking.energyJ[index]));
  };
}

/** Upper and lower case sort alike, in the order of UTF-16. */
function alphabetical(board, name, texts) {
  const cache = (board.alphabets ??= new Map());
  if (!cache.has(name)) {
    const keys = texts.map((text) => text.toLowerCase());
    const positions = new Map([...new Set(keys)].sort().map((key, position) => [key, position]));
    cache.set(name, Float64Array.from(keys, (key) => positions.get(key)));
  }
  const positions = cache.get(name);
  return (index) => positions[index];
}

const VALUES = {
  rank: ({ ranking }) => (_, line) => (line < ranking.rankedCount ? line : NaN),
  method: (board) => alphabetical(board, "method", board.columns.method),
  family: (board, families) => alphabetical(board, "family", board.columns.family.map((key) => families[key] ?? key)),
  quality: stored("quality"),
  quality_by: (board) => (index) => EVALUATORS.indexOf(board.qualityBy(index)),
  greenness,
  energy,
  phases: (board) => {
    const oneTimeJ = oneTime(board);
    return (index) => share(oneTimeJ(index), board.ranking.energyJ[index]);
  },
  one_time: oneTime,
  per_image: ({ columns }) => (index) =>
    columns.inference_provenance[index] === "missing" ? NaN : columns.inference_energy_j[index],
  carbon: energy,
  cost: energy,
  provenance: ({ columns }) => (index) => TRUST.indexOf(columns.provenance[index]),
  metered: meteredShare,
  parameters: stored("parameters"),
  macs: stored("macs"),
  latency: stored("latency_p50_ms"),
  memory: stored("peak_memory_bytes"),
};
