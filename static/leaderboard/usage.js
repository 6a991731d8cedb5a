/** What the parameters of a ranking may be, as leaderboard/domain/usage.py has it. */

const MAX_USAGE_INTENSITY = 1e15;

/** @throws {RangeError} naming the parameter, the value given and what is allowed */
export function checkUsageIntensity(usageIntensity) {
  if (!(usageIntensity > 0 && usageIntensity <= MAX_USAGE_INTENSITY)) {
    throw new RangeError(`usage_intensity is ${usageIntensity}, but must be a number above 0, at most 1e15`);
  }
}

/** @throws {RangeError} naming the parameter, the value given and what is allowed */
export function checkSharedBy(sharedBy) {
  if (!(sharedBy >= 1 && sharedBy < Infinity)) {
    throw new RangeError(`shared_by is ${sharedBy}, but must be a finite number, at least 1`);
  }
}

/** @throws {RangeError} naming the parameter, the value given and what is allowed */
export function checkMinQuality(minQuality) {
  if (minQuality !== null && !Number.isFinite(minQuality)) {
    throw new RangeError(`min_quality is ${minQuality}, but must be a finite number, or left out`);
  }
}
