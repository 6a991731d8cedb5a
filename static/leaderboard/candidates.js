/**
 * What ranking needs of each entry.
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
 * @property {string} [device] what it was measured on, empty if unknown
 * @property {number} [gain_u95] the device's relative gain error at 95 %, common to all that was measured on it
 */

const NUMBERS = ["shared_energy_j", "own_energy_j", "inference_energy_j", "shared_u95_j", "own_u95_j", "inference_u95_j"]
  .concat("quality");

/**
 * Candidates column by column: `key` an array, the others typed arrays of the same length, NaN if unknown.
 *
 * @param {Candidate[]} candidates
 */
export function columnsOf(candidates) {
  const numbers = (name) => Float64Array.from(candidates, (candidate) => candidate[name] ?? NaN);
  return {
    key: candidates.map(({ key }) => key),
    ...Object.fromEntries(NUMBERS.map((name) => [name, numbers(name)])),
    complete: Uint8Array.from(candidates, ({ complete }) => Number(complete)),
    ...devicesOf(
      candidates.map(({ device = "" }) => device),
      candidates.map(({ gain_u95: gain = 0 }) => gain),
    ),
  };
}

/** Columns `device`, a number each, and `gain_u95`; none if all lines are of one device, where no gain moves a rank. */
export function devicesOf(names, gains) {
  const numbers = new Map();
  for (const name of names) if (!numbers.has(name)) numbers.set(name, numbers.size);
  if (numbers.size < 2) return {};
  return { device: Uint32Array.from(names, (name) => numbers.get(name)), gain_u95: Float64Array.from(gains) };
}

/** The order of two lines of equal value: negative if the one at index `a` comes first. */
export function breakTie({ key, quality }, a, b) {
  const qualityA = Number.isNaN(quality[a]) ? -Infinity : quality[a];
  const qualityB = Number.isNaN(quality[b]) ? -Infinity : quality[b];
  if (qualityA !== qualityB) return qualityA > qualityB ? -1 : 1;
  // Numbers before strings, as in Python.
  if (typeof key[a] !== typeof key[b]) return typeof key[a] === "number" ? -1 : 1;
  if (key[a] === key[b]) return 0;
  return key[a] < key[b] ? -1 : 1;
}
