/** The lower envelope of straight lines: which line is lowest in which interval. */

/**
 * The lower envelope of the lines F + N·e over all N > 0: a convex-hull trick.
 *
 * @param {Uint32Array} lines indices in order of F; of those with one F the lowest e counts
 * @param {Float64Array} oneTimeJ F of each index, joules
 * @param {Float64Array} perImageJ e of each index, joules per image
 * @returns {{index: number, start: number}[]} lines and the N from which each is lowest
 */
export function lowerEnvelope(lines, oneTimeJ, perImageJ) {
  const crossed = (a, b) => (oneTimeJ[a] - oneTimeJ[b]) / (perImageJ[b] - perImageJ[a]);
  const hull = [];
  for (const index of lines) {
    const top = hull.at(-1);
    if (top && perImageJ[index] >= perImageJ[top.index]) continue;
    let start = top ? crossed(index, top.index) : 0;
    if (start === Infinity) continue;
    while (hull.length > 0 && start <= hull.at(-1).start) {
      hull.pop();
      start = hull.length > 0 ? crossed(index, hull.at(-1).index) : 0;
    }
    hull.push({ index, start });
  }
  return hull;
}
