/**
 * Greenness, the metric of arXiv 2108.13465: G = quality^τ / E(N, K), per joule. τ, the accuracy weight, says how much
 * accuracy counts.
 *
 * Mirrors leaderboard/domain/greenness.py operation for operation: products and square roots are rounded alike
 * everywhere, Math.pow is not.
 */

const MAX_ACCURACY_WEIGHT = 100;
const FRACTION_DIGITS = 64;

/** @throws {RangeError} naming the parameter, the value given and what is allowed */
export function checkAccuracyWeight(accuracyWeight) {
  if (!(accuracyWeight >= 0 && accuracyWeight <= MAX_ACCURACY_WEIGHT)) {
    throw new RangeError(`accuracy_weight is ${accuracyWeight}, but must be a number from 0 to 100`);
  }
}

/**
 * quality^τ of each quality; 1 if τ = 0, else 0 without a positive quality.
 *
 * Step by step over all of them, for the processor takes the roots of many numbers in little more time than of one.
 *
 * @param {Float64Array} qualities fractions, NaN if unknown
 * @param {number} accuracyWeight τ, 0 to 100
 * @returns {Float64Array}
 */
export function accuracyFactors(qualities, accuracyWeight) {
  if (accuracyWeight === 0) return new Float64Array(qualities.length).fill(1);
  const factors = qualities.map((quality) => (quality > 0 ? 1 : 0));
  const base = qualities.map((quality) => (quality > 0 ? quality : 0));
  const multiply = (by) => {
    for (let index = 0; index < factors.length; index += 1) factors[index] *= by[index];
  };
  const squares = base.slice();
  for (let whole = Math.floor(accuracyWeight); whole > 0; whole = Math.floor(whole / 2)) {
    if (whole % 2 === 1) multiply(squares);
    for (let index = 0; index < squares.length; index += 1) squares[index] *= squares[index];
  }
  const roots = base;
  let fraction = accuracyWeight - Math.floor(accuracyWeight);
  for (let digit = 0; digit < FRACTION_DIGITS && fraction > 0; digit += 1) {
    for (let index = 0; index < roots.length; index += 1) roots[index] = Math.sqrt(roots[index]);
    fraction *= 2;
    if (fraction >= 1) {
      multiply(roots);
      fraction -= 1;
    }
  }
  return factors;
}

/** quality^τ of one quality, null if unknown. */
export function accuracyFactor(quality, accuracyWeight) {
  return accuracyFactors(Float64Array.of(quality ?? NaN), accuracyWeight)[0];
}

/**
 * Energy over an accuracy factor, what is ordered by.
 *
 * @param {number} energyJ joules
 * @param {number} factor as accuracyFactor gives it
 * @returns {number} joules; Infinity, for no value, if the factor is 0 or the quotient is not finite
 */
export function scaled(energyJ, factor) {
  return factor > 0 && factor < Infinity ? energyJ / factor : Infinity;
}

/**
 * G = quality^τ / E.
 *
 * @param {number} energyJ E(N, K), joules
 * @param {number|null} quality a fraction
 * @param {number} accuracyWeight τ, 0 to 100
 * @returns {number|null} per joule; null without a scaled energy, and for an energy of 0
 */
export function greenness(energyJ, quality, accuracyWeight) {
  checkAccuracyWeight(accuracyWeight);
  return perJoule(energyJ, accuracyFactor(quality, accuracyWeight));
}

/** The greenness of an energy (joules) and an accuracy factor, null as `greenness` has it. */
export function perJoule(energyJ, factor) {
  if (!(energyJ > 0) || scaled(energyJ, factor) === Infinity) return null;
  const value = factor / energyJ;
  return value < Infinity ? value : null;
}

/** How green in per cent of the greenest, from its scaled energy and the least one: 100 for the greenest. */
export const percentOfBest = (scaledJ, bestJ) => (scaledJ === bestJ ? 100 : 100 * (bestJ / scaledJ));
