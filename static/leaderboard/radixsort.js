/** Sorting without comparisons, and binary search: fast enough for every tick of the slider on a large board. */

const DIGITS = 4; // of 16 bits each
const counts = new Uint32Array(2 ** 16);
let spare = new Uint32Array(0);

/**
 * Sort indices by their values, ascending and in place; indices of equal values keep their order.
 *
 * A radix sort on the bits of the doubles, least significant digit first: the bits of numbers that are not negative
 * sort as the numbers do. NaN comes last.
 *
 * @param {Uint32Array} order indices into `values`
 * @param {Float64Array} values numbers from 0 up, or NaN, from the start of their buffer
 */
export function sortByValue(order, values) {
  if (spare.length < order.length) spare = new Uint32Array(order.length);
  const digits = new Uint16Array(values.buffer);
  let [from, to] = [order, spare];
  for (let digit = 0; digit < DIGITS; digit += 1) {
    const place = littleEndian ? digit : DIGITS - 1 - digit;
    counts.fill(0);
    for (let position = 0; position < order.length; position += 1) counts[digits[from[position] * DIGITS + place]] += 1;
    let before = 0;
    for (let value = 0; value < counts.length; value += 1) {
      const here = counts[value];
      counts[value] = before;
      before += here;
    }
    for (let position = 0; position < order.length; position += 1) {
      const value = digits[from[position] * DIGITS + place];
      to[counts[value]] = from[position];
      counts[value] += 1;
    }
    [from, to] = [to, from];
  }
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * The same, in either direction; unknown values (NaN) come last either way.
 *
 * @param {Uint32Array} order
 * @param {Float64Array} values
 * @param {boolean} descending
 */
export function sortColumn(order, values, descending) {
  if (!descending) {
    sortByValue(order, values);
    return;
  }
  order.reverse();
  sortByValue(order, values);
  order.reverse();
  const unknown = order.findIndex((index) => !Number.isNaN(values[index]));
  if (unknown > 0) order.set([...order.subarray(unknown), ...order.slice(0, unknown)]);
}

/** How many of the ascending numbers are below the limit. */
export function countBelow(sorted, limit) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of the ascending numbers are at or below the limit. */
export function countUpTo(sorted, limit) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
