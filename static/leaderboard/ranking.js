/**
 * Ranking by full-cycle energy or greenness, with rank intervals, champions and break-even points.
 *
 * Mirrors leaderboard/domain/ranking.py operation for operation; tests/vectors/ranking.json holds both to the same
 * answers. Functions and options are camelCase; the fields of the data keep the API's names, units included.
 *
 * @typedef {import("./candidates.js").Candidate} Candidate
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

import { breakTie, columnsOf } from "./candidates.js";
import { lowerEnvelope } from "./envelope.js";
import { accuracyFactor, accuracyFactors, checkAccuracyWeight, perJoule, percentOfBest, scaled } from "./greenness.js";
import { sortByValue } from "./radixsort.js";
import { Intervals } from "./intervals.js";
import { paretoFront } from "./pareto.js";
import { checkMinQuality, checkSharedBy, checkUsageIntensity } from "./usage.js";

const ORDERINGS = ["energy", "greenness", "energy_per_correct"];
const [RANKED, INCOMPLETE, WITHOUT_VALUE] = [0, 1, 2];

/**
 * Order the candidates at or above the quality floor by E(N, K), or that over quality^τ, ascending, in O(n).
 *
 * Ties go to the higher quality, then the smaller key (strings by UTF-16 code unit). See ranking.py for the rules on
 * incomplete candidates, those without a value and rank intervals.
 *
 * @param {Candidate[]} candidates
 * @param {number} usageIntensity images over the model's life, above 0, at most 1e15
 * @param {object} [options]
 * @param {number} [options.sharedBy] deployments that share search and pretrain, at least 1
 * @param {number|null} [options.minQuality] quality floor
 * @param {boolean} [options.includeIncomplete] rank incomplete candidates at their lower bound
 * @param {"energy"|"greenness"|"energy_per_correct"} [options.orderBy]
 * @param {number} [options.accuracyWeight] τ of greenness, 0 to 100
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
  const value = scaled(energyJ, usageIntensity * (quality > 0 ? quality : 0));
  return value < Infinity ? value : null;
}

/**
 * The τ that an ordering ranks with.
 *
 * @param {{orderBy?: string, accuracyWeight?: number}} options
 * @throws {RangeError} naming the parameter, the value given and what is allowed
 */
export function weightInOrder({ orderBy = "energy", accuracyWeight = 1 }) {
  if (!ORDERINGS.includes(orderBy)) {
    throw new RangeError(`order_by is '${orderBy}', but must be one of ${ORDERINGS.join(", ")}`);
  }
  checkAccuracyWeight(accuracyWeight);
  return { energy: 0, energy_per_correct: 1 }[orderBy] ?? accuracyWeight;
}

/**
 * Usage intensity at which A and B are equal, N* = (F_A - F_B)/(e_B - e_A), F and e over quality^τ.
 *
 * @param {Candidate} a
 * @param {Candidate} b
 * @param {number} [sharedBy] deployments that share search and pretrain, at least 1
 * @param {number} [accuracyWeight] τ, 0 to 100; 0 compares energy
 * @returns {number|null} images; null without a positive, finite crossing or if either is incomplete or has no value
 * @throws {RangeError} naming the parameter, the value given and what is allowed
 */
export function breakEven(a, b, sharedBy = 1, accuracyWeight = 0) {
  checkSharedBy(sharedBy);
  checkAccuracyWeight(accuracyWeight);
  if (!(a.complete && b.complete)) return null;
  const [lineA, lineB] = [a, b].map((candidate) => {
    const factor = accuracyFactor(candidate.quality, accuracyWeight);
    return [oneTimeEnergyJ(candidate, sharedBy), candidate.inference_energy_j].map((joules) => scaled(joules, factor));
  });
  // Without a value a line is infinite, and the quotient no finite number.
  const crossed = (lineA[0] - lineB[0]) / (lineB[1] - lineA[1]);
  return lineA[1] !== lineB[1] && crossed > 0 && crossed < Infinity ? crossed : null;
}

/**
 * Which candidate wins at which usage intensity: the lower envelope of (F + N·e)/quality^τ over all N > 0.
 *
 * @param {Candidate[]} candidates
 * @param {object} [options]
 * @param {number} [options.sharedBy] deployments that share search and pretrain, at least 1
 * @param {number|null} [options.minQuality] quality floor
 * @param {number} [options.accuracyWeight] τ, 0 to 100; 0 compares energy
 * @returns {Champion[]} adjoining intervals, from 0 to without end
 * @throws {RangeError} naming the parameter, the value given and what is allowed
 */
export function champions(candidates, { sharedBy = 1, minQuality = null, accuracyWeight = 0 } = {}) {
  const ranking = new Ranking(columnsOf(candidates));
  return ranking.champions(ranking.eligible(minQuality), sharedBy, accuracyWeight);
}

/** One-time joules, shared/K + own. */
export function oneTimeEnergyJ(candidate, sharedBy) {
  return candidate.shared_energy_j / sharedBy + candidate.own_energy_j;
}

/**
 * A board that is ranked again and again: columns and buffers are made once, so that a tick of the slider makes no
 * objects. A line is identified by its index into the columns.
 */
export class Ranking {
  /**
   * @param {object} columns as `columnsOf` makes them
   * @param {Uint32Array} [byTie] the order of ties, from another ranking of the same columns
   */
  constructor(columns, byTie = Uint32Array.from(columns.key.keys()).sort((a, b) => breakTie(columns, a, b))) {
    this.columns = columns;
    this.size = columns.key.length;
    const make = () => new Float64Array(this.size);
    [this.energyJ, this.u95J, this.value] = [make(), make(), make()];
    this.intervals = new Intervals(columns);
    [this.lineOneTimeJ, this.linePerImageJ] = [make(), make()];
    this.group = new Uint8Array(this.size);
    this.order = new Uint32Array(0);
    this.rankedCount = 0;
    // Sorting is stable, so every sort starts from the order of ties.
    this.byTie = byTie;
  }

  /** Indices of the lines at or above the quality floor that `passes` lets through, in the order of ties. */
  eligible(minQuality, passes = () => true) {
    checkMinQuality(minQuality);
    const { quality } = this.columns;
    return this.byTie.filter((index) => (minQuality === null || quality[index] >= minQuality) && passes(index));
  }

  /** Rank `eligible` lines; `order` then holds them from the first to the last, `places` and `place` give the rest. */
  rank(eligible, usageIntensity, { sharedBy = 1, includeIncomplete = false, ...order } = {}) {
    checkUsageIntensity(usageIntensity);
    checkSharedBy(sharedBy);
    this.query = { usageIntensity, sharedBy, includeIncomplete, accuracyWeight: order.accuracyWeight ?? 1 };
    this.factors = this.accuracyFactors(weightInOrder(order));
    for (const index of eligible) this.#score(index);
    this.#sort(eligible);
    this.intervals.fill(this.order.subarray(0, this.rankedCount), this.value, (index) => this.#valueU95(index));
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
    const value = scaled(energyJ, this.factors[index]);
    const isCounted = columns.complete[index] || query.includeIncomplete;
    this.value[index] = value < Infinity ? value : energyJ;
    this.group[index] = value < Infinity ? (isCounted ? RANKED : INCOMPLETE) : WITHOUT_VALUE;
  }

  /** quality^τ of each line, computed again only if τ has changed. */
  accuracyFactors(accuracyWeight) {
    if (accuracyWeight === 0) return (this.ones ??= accuracyFactors(this.columns.quality, 0));
    if (this.madeFor !== accuracyWeight) {
      this.madeFactors = accuracyFactors(this.columns.quality, accuracyWeight);
      this.madeFor = accuracyWeight;
    }
    return this.madeFactors;
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
    return Number.isNaN(u95J) ? 0 : u95J / this.factors[index];
  }

  /** The place of the line at a position of `order`, `pareto` apart. */
  place(position) {
    const index = this.order[position];
    const isRanked = position < this.rankedCount;
    const isCertain = !Number.isNaN(this.u95J[index]);
    const hasInterval = isRanked && isCertain;
    const ranks = hasInterval ? this.intervals.ranks(index, this.value[index], this.#valueU95(index)) : [null, null];
    return {
      key: this.columns.key[index],
      rank: isRanked ? position + 1 : null,
      rank_best: ranks[0],
      rank_worst: ranks[1],
      energy_j: this.energyJ[index],
      u95_j: isCertain ? this.u95J[index] : null,
    };
  }

  /** Greenness, with the τ of the order, of the line at a position of `order`: per joule, and in % of the greenest. */
  greenness(position) {
    const index = this.order[position];
    const isRanked = position < this.rankedCount;
    return {
      per_joule: perJoule(this.energyJ[index], this.factors[index]),
      percent: isRanked ? percentOfBest(this.value[index], this.value[this.order[0]]) : null,
    };
  }

  /** The index of the `eligible` line that is first in the order of energy; undefined if none would be ranked. */
  leastEnergy(eligible) {
    let least;
    for (const index of eligible) {
      if (!this.columns.complete[index] && !this.query.includeIncomplete) continue;
      if (least === undefined || this.energyJ[index] < this.energyJ[least]) least = index;
    }
    return least;
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

  /** The lower envelope of `eligible` lines, scaled, over all N > 0. @returns {Champion[]} */
  champions(eligible, sharedBy = 1, accuracyWeight = 0) {
    const lines = this.lines(eligible, sharedBy, accuracyWeight);
    return lowerEnvelope(lines, this.lineOneTimeJ, this.linePerImageJ).map(({ index, start }, position, hull) => ({
      key: this.columns.key[index],
      from_usage_intensity: start,
      to_usage_intensity: hull[position + 1]?.start ?? null,
    }));
  }

  /** The `eligible` lines that may be champions, in order of `lineOneTimeJ`; `linePerImageJ` is the other part. */
  lines(eligible, sharedBy, accuracyWeight) {
    checkSharedBy(sharedBy);
    checkAccuracyWeight(accuracyWeight);
    const { columns } = this;
    const factors = this.accuracyFactors(accuracyWeight);
    const [oneTimeJ, perImageJ] = [this.lineOneTimeJ, this.linePerImageJ];
    for (const index of eligible) {
      const oneTime = columns.shared_energy_j[index] / sharedBy + columns.own_energy_j[index];
      oneTimeJ[index] = scaled(oneTime, factors[index]);
      perImageJ[index] = scaled(columns.inference_energy_j[index], factors[index]);
    }
    const isLine = (index) => columns.complete[index] && oneTimeJ[index] < Infinity && perImageJ[index] < Infinity;
    const lines = eligible.filter(isLine);
    sortByValue(lines, oneTimeJ);
    return lines;
  }
}
