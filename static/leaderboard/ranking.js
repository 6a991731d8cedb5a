/**
 * Ranking by full-cycle energy at a usage intensity, with rank intervals, champions and break-even points.
 *
 * Mirrors leaderboard/domain/ranking.py operation for operation; tests/vectors/ranking.json holds both to the same
 * answers. Functions and options are camelCase; the fields of the data keep the API's names, units included.
 *
 * @typedef {object} Candidate
 * @property {string|number} key
 * @property {number} shared_energy_j search and pretrain, joules, before sharing
 * @property {number} own_energy_j train, compress and finetune, joules
 * @property {number} inference_energy_j joules per image
 * @property {number|null} shared_u95_j repeatability at 95 % of shared_energy_j, joules, null where unknown
 * @property {number|null} own_u95_j repeatability at 95 % of own_energy_j, joules, null where unknown
 * @property {number|null} inference_u95_j repeatability at 95 % of inference_energy_j, per image, null where unknown
 * @property {number|null} quality a fraction for accuracy-like metrics, null where unknown
 * @property {boolean} complete false where a phase is missing: the joules are then a lower bound
 *
 * @typedef {object} Ranked
 * @property {string|number} key
 * @property {number|null} rank null where listed but not ranked
 * @property {number|null} rank_best 1 + the entries surely below; null where the uncertainty is unknown
 * @property {number|null} rank_worst the entries not surely above; null where the uncertainty is unknown
 * @property {number} energy_j E(N, K) in joules
 * @property {number|null} u95_j repeatability of energy_j at 95 %, joules, null where that of any part is unknown
 * @property {boolean} pareto complete, and beaten by none in both energy and quality
 *
 * @typedef {object} Champion
 * @property {string|number} key
 * @property {number} from_usage_intensity images
 * @property {number|null} to_usage_intensity images, null for without end
 */

export const MAX_USAGE_INTENSITY = 1e15;
const ORDERINGS = ["energy", "energy_per_correct"];
const [RANKED, INCOMPLETE, WITHOUT_VALUE] = [0, 1, 2];

/**
 * Order the candidates at or above the quality floor by E(N, K), ascending, in O(n log n).
 *
 * Ties go to the higher quality, then the smaller key (strings by UTF-16 code unit). See ranking.py for the rules on
 * incomplete candidates and rank intervals.
 *
 * @param {Candidate[]} candidates
 * @param {number} usageIntensity images over the model's life, above 0, at most 1e15
 * @param {object} [options]
 * @param {number} [options.sharedBy] deployments that share search and pretrain, at least 1
 * @param {number|null} [options.minQuality] quality floor
 * @param {boolean} [options.includeIncomplete] rank incomplete candidates at their lower bound
 * @param {"energy"|"energy_per_correct"} [options.orderBy]
 * @returns {Ranked[]}
 * @throws {RangeError} naming the parameter, the value given and what is allowed
 */
export function rank(candidates, usageIntensity, options = {}) {
  const { sharedBy = 1, minQuality = null, includeIncomplete = false, orderBy = "energy" } = options;
  checkUsageIntensity(usageIntensity);
  checkSharedBy(sharedBy);
  if (!ORDERINGS.includes(orderBy)) {
    throw new RangeError(`order_by is '${orderBy}', but must be one of ${ORDERINGS.join(", ")}`);
  }

  const entries = eligible(candidates, minQuality);
  const scores = score(entries, usageIntensity, sharedBy, includeIncomplete, orderBy);
  const { group, energyJ, u95J, value, valueU95 } = scores;
  const byEnergy = Uint32Array.from(entries.keys());
  byEnergy.sort((a, b) => energyJ[a] - energyJ[b] || breakTie(entries[a], entries[b]));
  const pareto = paretoFront(entries, energyJ, byEnergy);
  const byValue =
    orderBy === "energy"
      ? byEnergy
      : byEnergy.slice().sort((a, b) => value[a] - value[b] || breakTie(entries[a], entries[b]));
  const ofGroup = (wanted) => Array.from(byValue.filter((index) => group[index] === wanted));
  const rankedOrder = ofGroup(RANKED);
  const order = rankedOrder.concat(ofGroup(INCOMPLETE), ofGroup(WITHOUT_VALUE));

  const rankedCount = rankedOrder.length;
  const lows = new Float64Array(rankedCount);
  const highs = new Float64Array(rankedCount);
  for (let position = 0; position < rankedCount; position += 1) {
    const index = order[position];
    lows[position] = value[index] - valueU95[index];
    highs[position] = value[index] + valueU95[index];
  }
  lows.sort();
  highs.sort();

  return order.map((index, position) => {
    const isRanked = position < rankedCount;
    const isCertain = !Number.isNaN(u95J[index]);
    const hasInterval = isRanked && isCertain;
    return {
      key: entries[index].key,
      rank: isRanked ? position + 1 : null,
      rank_best: hasInterval ? 1 + countBelow(highs, value[index] - valueU95[index]) : null,
      rank_worst: hasInterval ? countUpTo(lows, value[index] + valueU95[index]) : null,
      energy_j: energyJ[index],
      u95_j: isCertain ? u95J[index] : null,
      pareto: pareto[index] === 1,
    };
  });
}

/**
 * E/(N·quality), joules per correct prediction; null without a positive quality.
 *
 * @param {number} energyJ joules
 * @param {number} usageIntensity images
 * @param {number|null} quality a fraction
 * @returns {number|null} joules per correct prediction
 */
export function energyPerCorrectJ(energyJ, usageIntensity, quality) {
  const correct = usageIntensity * (quality ?? 0);
  const value = correct > 0 ? energyJ / correct : Infinity;
  return value < Infinity ? value : null;
}

/**
 * Usage intensity where A and B cost the same, N* = (F_A - F_B)/(e_B - e_A).
 *
 * @param {Candidate} a
 * @param {Candidate} b
 * @param {number} [sharedBy] deployments that share search and pretrain, at least 1
 * @returns {number|null} images; null without a positive, finite crossing or where either is incomplete
 * @throws {RangeError} for sharedBy below 1
 */
export function breakEven(a, b, sharedBy = 1) {
  checkSharedBy(sharedBy);
  if (!(a.complete && b.complete) || a.inference_energy_j === b.inference_energy_j) return null;
  const crossed = crossing(a, b, sharedBy);
  return crossed > 0 && crossed < Infinity ? crossed : null;
}

/**
 * Who wins where: the lower envelope of the lines F + N·e over all N > 0, in O(n log n).
 *
 * @param {Candidate[]} candidates
 * @param {object} [options]
 * @param {number} [options.sharedBy] deployments that share search and pretrain, at least 1
 * @param {number|null} [options.minQuality] quality floor
 * @returns {Champion[]} adjoining intervals, from 0 to without end
 * @throws {RangeError} naming the parameter, the value given and what is allowed
 */
export function champions(candidates, { sharedBy = 1, minQuality = null } = {}) {
  checkSharedBy(sharedBy);
  const lines = eligible(candidates, minQuality).filter((candidate) => candidate.complete);
  lines.sort(
    (a, b) =>
      oneTimeEnergyJ(a, sharedBy) - oneTimeEnergyJ(b, sharedBy) ||
      a.inference_energy_j - b.inference_energy_j ||
      breakTie(a, b),
  );

  const hull = []; // lines and the usage intensity from which each is lowest
  for (const line of lines) {
    if (hull.length === 0) {
      hull.push({ line, start: 0 });
      continue;
    }
    const top = hull[hull.length - 1].line;
    if (line.inference_energy_j >= top.inference_energy_j) continue;
    let start = crossing(line, top, sharedBy);
    if (start === Infinity) continue;
    while (hull.length > 0 && start <= hull[hull.length - 1].start) {
      hull.pop();
      start = hull.length > 0 ? crossing(line, hull[hull.length - 1].line, sharedBy) : 0;
    }
    hull.push({ line, start });
  }

  return hull.map(({ line, start }, position) => ({
    key: line.key,
    from_usage_intensity: start,
    to_usage_intensity: position + 1 < hull.length ? hull[position + 1].start : null,
  }));
}

function checkUsageIntensity(usageIntensity) {
  if (!(usageIntensity > 0 && usageIntensity <= MAX_USAGE_INTENSITY)) {
    throw new RangeError(`usage_intensity is ${usageIntensity}, but must be a number above 0, at most 1e15`);
  }
}

function checkSharedBy(sharedBy) {
  if (!(sharedBy >= 1 && sharedBy < Infinity)) {
    throw new RangeError(`shared_by is ${sharedBy}, but must be a finite number, at least 1`);
  }
}

function eligible(candidates, minQuality) {
  if (minQuality === null) return Array.from(candidates);
  if (!Number.isFinite(minQuality)) {
    throw new RangeError(`min_quality is ${minQuality}, but must be a finite number, or left out`);
  }
  return candidates.filter(({ quality }) => quality !== null && quality >= minQuality);
}

// Columns instead of objects: a slider calls this at every tick.
function score(entries, usageIntensity, sharedBy, includeIncomplete, orderBy) {
  const group = new Uint8Array(entries.length);
  const energyJ = new Float64Array(entries.length);
  const u95J = new Float64Array(entries.length); // NaN where unknown
  const value = new Float64Array(entries.length);
  const valueU95 = new Float64Array(entries.length);
  for (let index = 0; index < entries.length; index += 1) {
    const c = entries[index];
    const energy = oneTimeEnergyJ(c, sharedBy) + usageIntensity * c.inference_energy_j;
    const u95 = combinedU95J(c, usageIntensity, sharedBy);
    const width = Number.isNaN(u95) ? 0 : u95;
    energyJ[index] = energy;
    u95J[index] = u95;
    group[index] = c.complete || includeIncomplete ? RANKED : INCOMPLETE;
    value[index] = energy;
    valueU95[index] = width;
    if (orderBy === "energy_per_correct") {
      const perCorrectJ = energyPerCorrectJ(energy, usageIntensity, c.quality);
      if (perCorrectJ === null) {
        group[index] = WITHOUT_VALUE;
      } else {
        value[index] = perCorrectJ;
        valueU95[index] = width / (usageIntensity * c.quality);
      }
    }
  }
  return { group, energyJ, u95J, value, valueU95 };
}

/** Joules spent before the first use, shared/K + own. */
export function oneTimeEnergyJ(candidate, sharedBy) {
  return candidate.shared_energy_j / sharedBy + candidate.own_energy_j;
}

// NaN where any part is unknown. Without Math.hypot, whose last digit differs between engines.
function combinedU95J(candidate, usageIntensity, sharedBy) {
  if (candidate.shared_u95_j === null || candidate.own_u95_j === null || candidate.inference_u95_j === null) return NaN;
  const shared = candidate.shared_u95_j / sharedBy;
  const served = usageIntensity * candidate.inference_u95_j;
  return Math.sqrt(shared * shared + candidate.own_u95_j * candidate.own_u95_j + served * served);
}

function crossing(a, b, sharedBy) {
  const oneTimeDifferenceJ = oneTimeEnergyJ(a, sharedBy) - oneTimeEnergyJ(b, sharedBy);
  return oneTimeDifferenceJ / (b.inference_energy_j - a.inference_energy_j);
}

function breakTie(a, b) {
  const qualityA = a.quality ?? -Infinity;
  const qualityB = b.quality ?? -Infinity;
  if (qualityA !== qualityB) return qualityA > qualityB ? -1 : 1;
  // Numbers before strings, as in Python.
  if (typeof a.key !== typeof b.key) return typeof a.key === "number" ? -1 : 1;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

// Along ascending energy, and descending quality where energies are equal, quality must rise.
function paretoFront(entries, energyJ, byEnergy) {
  const pareto = new Uint8Array(entries.length);
  let bestQuality = -Infinity;
  let bestEnergyJ = -Infinity;
  for (const index of byEnergy) {
    const { complete, quality } = entries[index];
    if (!complete || quality === null) continue;
    if (quality > bestQuality) {
      bestQuality = quality;
      bestEnergyJ = energyJ[index];
    }
    if (quality === bestQuality && energyJ[index] === bestEnergyJ) pareto[index] = 1;
  }
  return pareto;
}

/** How many of the ascending numbers are below the limit. */
function countBelow(sorted, limit) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of the ascending numbers are at or below the limit. */
function countUpTo(sorted, limit) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
