/** The Pareto front of energy and quality. */

/**
 * Mark the lines that no other beats in both energy and quality: along ascending energy, and descending quality if
 * energies are equal, quality must rise.
 *
 * @param {Uint32Array} byEnergy indices in that order
 * @param {Float64Array} energyJ of each index, joules
 * @param {Float64Array} quality of each index
 * @returns {Uint8Array} 1 for each index on the front
 */
export function paretoFront(byEnergy, energyJ, quality) {
  const pareto = new Uint8Array(energyJ.length);
  let bestQuality = -Infinity;
  let bestEnergyJ = -Infinity;
  for (const index of byEnergy) {
    if (quality[index] > bestQuality) {
      bestQuality = quality[index];
      bestEnergyJ = energyJ[index];
    }
    if (quality[index] === bestQuality && energyJ[index] === bestEnergyJ) pareto[index] = 1;
  }
  return pareto;
}
