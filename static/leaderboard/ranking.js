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
 * @property {number|null} shared_u95_j repeatability at 95 % of shared_energy_j, joules, null if unknown
 * @property {number|null} own_u95_j repeatability at 95 % of own_energy_j, joules, null if unknown
 * @property {number|null} inference_u95_j repeatability at 95 % of inference_energy_j, per image, null if unknown
 * @property {number|null} quality a fraction for accuracy-like metrics, null if unknown
 * @property {boolean} complete false if a phase is missing: the joules are then a lower bound
 *
 * @typedef {object} Ranked
 * @property {string|number} key
 * @property {number|null} rank null if listed but not ranked
 * @property {number|null} rank_best 1 + the entries surely below; null if the uncertainty is unknown
 * @property {number|null} rank_worst the entries not surely above; null if the uncertainty is unknown
 * @property {number} energy_j E(N, K) in joules
 * @property {number|null} u95_j repeatability of energy_j at 95 %, joules, null if that of any part is unknown
 * @property {boolean} pareto complete, and no other is better in both energy and quality
 *
 * @typedef {object} Champion
 * @property {string|number} key
 * @property {number} from_usage_intensity images
 * @property {number|null} to_usage_intensity images, null for without end
 */

import { lowerEnvelope } from "./envelope.js";
import { countBelow, countUpTo, sortByValue } from "./radixsort.js";
import { paretoFront } from "./pareto.js";

export const MAX_USAGE_INTENSITY = 1e15;
const ORDERINGS = ["energy", "energy_per_correct"];
const NUMBERS = ["shared_energy_j", "own_energy_j", "inference_energy_j", "shared_u95_j", "own_u95_j", "inference_u95_j"]
  .concat("quality");
const [RANKED, INCOMPLETE, WITHOUT_VALUE] = [0, 1, 2];

/**
 * Order the candidates at or above the quality floor by E(N, K), ascending, in O(n).
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
  const ranking = new Ranking(columnsOf(candidates));
  ranking.rank(ranking.eligible(options.minQuality ?? null), usageIntensity, options);
  return ranking.places();
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
  const correct = usageIntensity * (quality || 0); // also if it is NaN
  const value = correct > 0 ? energyJ / correct : Infinity;
  return value < Infinity ? value : null;
}

/**
 * Usage intensity at which A and B cost the same, N* = (F_A - F_B)/(e_B - e_A).
 *
 * @param {Candidate} a
 * @param {Candidate} b
 * @param {number} [sharedBy] deployments that share search and pretrain, at least 1
 * @returns {number|null} images; null without a positive, finite crossing or if either is incomplete
 * @throws {RangeError} for sharedBy below 1
 */
export function breakEven(a, b, sharedBy = 1) {
  checkSharedBy(sharedBy);
  if (!(a.complete && b.complete) || a.inference_energy_j === b.inference_energy_j) return null;
  const crossed = crossing(a, b, sharedBy);
  return crossed > 0 && crossed < Infinity ? crossed : null;
}

/**
 * Which candidate wins at which usage intensity: the lower envelope of the lines F + N·e over all N > 0, in O(n log n).
 *
 * @param {Candidate[]} candidates
 * @param {object} [options]
 * @param {number} [options.sharedBy] deployments that share search and pretrain, at least 1
 * @param {number|null} [options.minQuality] quality floor
 * @returns {Champion[]} adjoining intervals, from 0 to without end
 * @throws {RangeError} naming the parameter, the value given and what is allowed
 */
export function champions(candidates, { sharedBy = 1, minQuality = null } = {}) {
  const ranking = new Ranking(columnsOf(candidates));
  return ranking.champions(ranking.eligible(minQuality), sharedBy);
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

/** One-time joules, shared/K + own. */
export function oneTimeEnergyJ(candidate, sharedBy) {
  return candidate.shared_energy_j / sharedBy + candidate.own_energy_j;
}

function crossing(a, b, sharedBy) {
  const oneTimeDifferenceJ = oneTimeEnergyJ(a, sharedBy) - oneTimeEnergyJ(b, sharedBy);
  return oneTimeDifferenceJ / (b.inference_energy_j - a.inference_energy_j);
}

/**
 * Candidates column by column: `key` an array, the others typed arrays of the same length, NaN if unknown.
 *
 * @param {Candidate[]} candidates
 */
function columnsOf(candidates) {
  const numbers = (name) => Float64Array.from(candidates, (candidate) => candidate[name] ?? NaN);
  return {
    key: candidates.map(({ key }) => key),
    ...Object.fromEntries(NUMBERS.map((name) => [name, numbers(name)])),
    complete: Uint8Array.from(candidates, ({ complete }) => Number(complete)),
  };
}

/**
 * A board that is ranked again and again: columns and buffers are made once, so that a tick of the slider makes no
 * objects. A line is identified by its index into the columns.
 */
export class Ranking {
  /** @param {object} columns as `columnsOf` makes them */
  constructor(columns) {
    this.columns = columns;
    this.size = columns.key.length;
    const make = () => new Float64Array(this.size);
    [this.energyJ, this.u95J, this.value, this.lows, this.highs] = [make(), make(), make(), make(), make()];
    this.group = new Uint8Array(this.size);
    this.order = new Uint32Array(0);
    this.rankedCount = 0;
    // Sorting is stable, so every sort starts from the order of ties.
    this.byTie = Uint32Array.from(columns.key.keys()).sort((a, b) => breakTie(columns, a, b));
  }

  /** Indices of the lines at or above the quality floor that `passes` lets through, in the order of ties. */
  eligible(minQuality, passes = () => true) {
    if (minQuality !== null && !Number.isFinite(minQuality)) {
      throw new RangeError(`min_quality is ${minQuality}, but must be a finite number, or left out`);
    }
    const { quality } = this.columns;
    return this.byTie.filter((index) => (minQuality === null || quality[index] >= minQuality) && passes(index));
  }

  /** Rank `eligible` lines; `order` then holds them from the first to the last, `places` and `place` give the rest. */
  rank(eligible, usageIntensity, { sharedBy = 1, includeIncomplete = false, orderBy = "energy" } = {}) {
    checkUsageIntensity(usageIntensity);
    checkSharedBy(sharedBy);
    if (!ORDERINGS.includes(orderBy)) {
      throw new RangeError(`order_by is '${orderBy}', but must be one of ${ORDERINGS.join(", ")}`);
    }
    this.query = { usageIntensity, sharedBy, includeIncomplete, orderBy };
    for (const index of eligible) this.#score(index);
    this.#sort(eligible);
    this.rankedLows = this.lows.subarray(0, this.rankedCount);
    this.rankedHighs = this.highs.subarray(0, this.rankedCount);
    for (let position = 0; position < this.rankedCount; position += 1) {
      const index = this.order[position];
      const u95 = this.#valueU95(index);
      this.rankedLows[position] = this.value[index] - u95;
      this.rankedHighs[position] = this.value[index] + u95;
    }
    this.rankedLows.sort();
    this.rankedHighs.sort();
  }

  #score(index) {
    const { columns, query } = this;
    const { usageIntensity, sharedBy } = query;
    const oneTimeJ = columns.shared_energy_j[index] / sharedBy + columns.own_energy_j[index];
    const energyJ = oneTimeJ + usageIntensity * columns.inference_energy_j[index];
    this.energyJ[index] = energyJ;
    // NaN if any part is unknown. Without Math.hypot, whose last digit differs between engines.
    const shared = columns.shared_u95_j[index] / sharedBy;
    const own = columns.own_u95_j[index];
    const served = usageIntensity * columns.inference_u95_j[index];
    this.u95J[index] = Math.sqrt(shared * shared + own * own + served * served);
    this.value[index] = energyJ;
    this.group[index] = columns.complete[index] || query.includeIncomplete ? RANKED : INCOMPLETE;
    if (query.orderBy !== "energy_per_correct") return;
    const perCorrectJ = energyPerCorrectJ(energyJ, usageIntensity, columns.quality[index]);
    if (perCorrectJ === null) this.group[index] = WITHOUT_VALUE;
    else this.value[index] = perCorrectJ;
  }

  #sort(eligible) {
    if (this.order.length !== eligible.length) this.order = new Uint32Array(eligible.length);
    let end = 0;
    for (const wanted of [RANKED, INCOMPLETE, WITHOUT_VALUE]) {
      const start = end;
      for (let position = 0; position < eligible.length; position += 1) {
        if (this.group[eligible[position]] === wanted) this.order[end++] = eligible[position];
      }
      if (wanted === RANKED) this.rankedCount = end;
      if (end > start) sortByValue(this.order.subarray(start, end), this.value);
    }
  }

  /** Uncertainty of the value that is ranked; 0 if unknown. */
  #valueU95(index) {
    const u95J = this.u95J[index];
    if (Number.isNaN(u95J)) return 0;
    if (this.query.orderBy !== "energy_per_correct") return u95J;
    return u95J / (this.query.usageIntensity * this.columns.quality[index]);
  }

  /** The place of the line at a position of `order`, `pareto` apart. */
  place(position) {
    const index = this.order[position];
    const isRanked = position < this.rankedCount;
    const isCertain = !Number.isNaN(this.u95J[index]);
    const u95 = isRanked && isCertain ? this.#valueU95(index) : NaN;
    const hasInterval = isRanked && isCertain;
    return {
      key: this.columns.key[index],
      rank: isRanked ? position + 1 : null,
      rank_best: hasInterval ? 1 + countBelow(this.rankedHighs, this.value[index] - u95) : null,
      rank_worst: hasInterval ? countUpTo(this.rankedLows, this.value[index] + u95) : null,
      energy_j: this.energyJ[index],
      u95_j: isCertain ? this.u95J[index] : null,
    };
  }

  /** How many lines are not ranked, and why. */
  unranked() {
    const withoutValue = this.order.reduce((sum, index) => sum + Number(this.group[index] === WITHOUT_VALUE), 0);
    return { incomplete: this.order.length - this.rankedCount - withoutValue, withoutValue };
  }

  /** @returns {Ranked[]} */
  places() {
    const pareto = this.#paretoFront();
    return Array.from(this.order, (index, position) => ({ ...this.place(position), pareto: pareto[index] === 1 }));
  }

  #paretoFront() {
    const { complete, quality } = this.columns;
    const isShown = new Uint8Array(this.size);
    for (const index of this.order) isShown[index] = 1;
    const byEnergy = this.byTie.filter((index) => isShown[index] && complete[index] && !Number.isNaN(quality[index]));
    sortByValue(byEnergy, this.energyJ);
    return paretoFront(byEnergy, this.energyJ, quality);
  }

  /** The lower envelope of `eligible` lines over all N > 0. @returns {Champion[]} */
  champions(eligible, sharedBy = 1) {
    checkSharedBy(sharedBy);
    const { columns } = this;
    const lines = eligible.filter((index) => columns.complete[index]);
    const oneTimeJ = columns.shared_energy_j.map((sharedJ, index) => sharedJ / sharedBy + columns.own_energy_j[index]);
    sortByValue(lines, columns.inference_energy_j);
    sortByValue(lines, oneTimeJ);
    return lowerEnvelope(lines, oneTimeJ, columns.inference_energy_j).map(({ index, start }, position, hull) => ({
      key: columns.key[index],
      from_usage_intensity: start,
      to_usage_intensity: hull[position + 1]?.start ?? null,
    }));
  }
}

function breakTie({ key, quality }, a, b) {
  const qualityA = Number.isNaN(quality[a]) ? -Infinity : quality[a];
  const qualityB = Number.isNaN(quality[b]) ? -Infinity : quality[b];
  if (qualityA !== qualityB) return qualityA > qualityB ? -1 : 1;
  // Numbers before strings, as in Python.
  if (typeof key[a] !== typeof key[b]) return typeof key[a] === "number" ? -1 : 1;
  if (key[a] === key[b]) return 0;
  return key[a] < key[b] ? -1 : 1;
}
