/**
 * Which model to choose if all that is known of N is a range: by worst-case regret, and by mean regret.
 *
 * Mirrors leaderboard/domain/usage_range.py, which says why it is so; tests/vectors/ranking.json holds both.
 *
 * @typedef {object} Choice
 * @property {string|number} key
 * @property {number} worst_ratio the greatest ratio of its energy to the least at the same N, at least 1
 * @property {number} worst_at images where it is
 * @property {number} mean_ratio the mean ratio over log N
 * @property {number} extra_energy_j the most that it uses above the best at any N, joules
 * @property {number} extra_at images where it does
 */

import { columnsOf } from "./candidates.js";
import { lowerEnvelope } from "./envelope.js";
import { Ranking } from "./ranking.js";

const [LEAST, MOST] = [1, 1e15];

/** @throws {RangeError} naming the parameter, the value given and what is allowed */
export function checkUsageRange(from, to) {
  for (const [name, value] of Object.entries({ n_from: from, n_to: to })) {
    if (!(value >= LEAST && value <= MOST)) throw new RangeError(`${name} is ${value}, but must be a number from 1 to 1e15`);
  }
  if (from > to) throw new RangeError(`n_to is ${to}, but must be at least n_from, which is ${from}`);
}

/**
 * The best choices for a usage intensity from `from` to `to` images; null without a model.
 *
 * @param {import("./candidates.js").Candidate[]} candidates
 * @param {number} from images, 1 to 1e15
 * @param {number} to images, at least `from`
 * @param {object} [options] as `champions` of ranking.js has them
 * @returns {{safest: Choice, best_on_average: Choice, winners: number}|null}
 * @throws {RangeError} naming the parameter, the value given and what is allowed
 */
export function overRange(candidates, from, to, { sharedBy = 1, minQuality = null, accuracyWeight = 0 } = {}) {
  const ranking = new Ranking(columnsOf(candidates));
  return chooseFrom(undominated(ranking, ranking.eligible(minQuality), sharedBy, accuracyWeight), from, to);
}

/**
 * The lines that none equals or beats in both parts, in ascending order of the one-time part: all that a choice is
 * made from, whatever the range.
 */
export function undominated(ranking, eligible, sharedBy, accuracyWeight) {
  const factors = ranking.accuracyFactors(accuracyWeight);
  const lines = ranking.lines(eligible, sharedBy, accuracyWeight);
  const [oneTimeJ, perImageJ] = [ranking.lineOneTimeJ, ranking.linePerImageJ];
  const kept = [];
  for (const index of lines) {
    const last = kept.at(-1);
    if (last && perImageJ[index] >= last.e) continue;
    if (last?.f === oneTimeJ[index]) kept.pop(); // sorted by f alone, so that the lower e may come later
    kept.push({ key: ranking.columns.key[index], f: oneTimeJ[index], e: perImageJ[index], factor: factors[index] });
  }
  return kept;
}

/** The best choices among `lines`, as `undominated` gives them. @throws {RangeError} as `checkUsageRange` */
export function chooseFrom(lines, from, to) {
  checkUsageRange(from, to);
  const models = lines.filter((line) => at(line, to) < Infinity);
  if (models.length === 0) return null;
  const ends = [from, to];
  const leastJ = ends.map((n) => models.reduce((least, line) => Math.min(least, at(line, n)), Infinity));
  const pieces = piecesOf(models, from, to);
  const weights = leastJ[1] > 0 ? meanWeights(pieces, leastJ[1]) : [0, 0];
  const choices = models.map((line) => choice(line, ends, leastJ, weights));
  const best = (name) => choices.reduce((first, other) => (other[name] < first[name] ? other : first));
  return { safest: best("worst_ratio"), best_on_average: best("mean_ratio"), winners: pieces.length };
}

const at = ({ f, e }, n) => f + n * e;

/** The lines that are lowest somewhere in the range, each with the part in which it is. Of a point, the one. */
function piecesOf(models, from, to) {
  const order = Uint32Array.from(models.keys());
  const columns = ["f", "e"].map((name) => Float64Array.from(models, (line) => line[name]));
  const hull = lowerEnvelope(order, ...columns);
  const pieces = hull.map(({ index, start }, position) => ({
    line: models[index],
    start: Math.max(start, from),
    end: Math.min(hull[position + 1]?.start ?? to, to),
  }));
  const found = pieces.filter(({ start, end }) => start < end);
  if (found.length > 0 || from < to) return found;
  const here = hull.findLast(({ start }) => start <= from);
  return [{ line: models[here.index], start: from, end: to }];
}

/** <unit/V> and <N·unit/V> over log N. In units of V at the upper end, the least energy is between 1e-15 and 1. */
function meanWeights(pieces, unitJ) {
  const [from, to] = [pieces[0].start, pieces.at(-1).end];
  if (from === to) return [1, from];
  let [oneTime, perImage] = [0, 0];
  for (const { line, start, end } of pieces) {
    const [f, e] = [line.f / unitJ, line.e / unitJ];
    const [leastAtStart, leastAtEnd] = [f + start * e, f + end * e];
    const width = (end - start) / start;
    oneTime += log1pOver(width * (f / leastAtEnd)) * (width / leastAtEnd);
    perImage += log1pOver((end - start) * (e / leastAtStart)) * ((end - start) / leastAtStart);
  }
  const decades = Math.log1p((to - from) / from);
  return [oneTime / decades, perImage / decades];
}

/** log(1 + z)/z, 1 for z = 0. */
const log1pOver = (z) => (z > 0 ? Math.log1p(z) / z : 1);

function choice(line, ends, leastJ, [oneTime, perImage]) {
  const valuesJ = ends.map((n) => at(line, n));
  const unitJ = leastJ[1];
  // Where the best uses nothing, it does so at any N.
  const ratios = valuesJ.map((value, end) => (unitJ > 0 ? value / leastJ[end] : value === 0 ? 1 : Infinity));
  const mean = unitJ > 0 ? (line.f / unitJ) * oneTime + (line.e / unitJ) * perImage : Math.max(...ratios);
  const extrasJ = valuesJ.map((value, end) => (value - leastJ[end]) * line.factor);
  const [worst, extra] = [Number(ratios[1] > ratios[0]), Number(extrasJ[1] > extrasJ[0])];
  return {
    key: line.key,
    worst_ratio: ratios[worst],
    worst_at: ends[worst],
    mean_ratio: Math.min(Math.max(1, mean), ratios[worst]),
    extra_energy_j: extrasJ[extra],
    extra_at: ends[extra],
  };
}
