/** A board from the server's snapshot: columns for ranking, and an entry as an object once it is needed. */

import { devicesOf } from "./candidates.js";
import { keeps } from "./limits.js";
import { qualityBy } from "./quality.js";
import { Ranking } from "./ranking.js";

const FOR_RANKING = ["shared_energy_j", "own_energy_j", "inference_energy_j", "shared_u95_j", "own_u95_j"].concat(
  ["inference_u95_j", "quality"],
);

/** How a network is run: facets, each a column of the snapshot; null of a published result. */
export const RUN_AS = ["precision", "runtime", "compiled"];

/** Fetch a board. @throws {Error} if the server does not answer with one */
export async function fetchBoard(address) {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`snapshot: ${response.status}`);
  return new Board(await response.json());
}

export class Board {
  constructor({ columns, quality_metric: qualityMetric, revision }) {
    this.columns = columns;
    this.qualityMetric = qualityMetric;
    this.revision = revision;
    this.size = columns.entry.length;
    this.ranking = new Ranking({
      key: columns.entry,
      ...Object.fromEntries(FOR_RANKING.map((name) => [name, this.numbers(name)])),
      complete: Uint8Array.from(columns.complete, Number),
      ...devicesOf(columns.device, columns.gain_u95),
    });
    this.entries = new Array(this.size);
    this.indices = new Map(columns.entry.map((key, index) => [key, index]));
    this.byKey = { get: (key) => this.entry(this.indices.get(key)) };
  }

  /** A column of numbers, NaN if unknown. */
  numbers(name) {
    return Float64Array.from(this.columns[name], (value) => value ?? NaN);
  }

  /** The entry at an index, with the snapshot's names, made once. */
  entry(index) {
    if (this.entries[index] === undefined) {
      const entry = { quality_metric: this.qualityMetric };
      for (const name of Object.keys(this.columns)) entry[name] = this.columns[name][index];
      entry.key = entry.entry;
      this.entries[index] = entry;
    }
    return this.entries[index];
  }

  /** Indices of the entries that pass the reader's filters, in the order of ties; and how many each filter would leave. */
  filter({ minQuality, families, provenance, qualityBy: evaluators, runAs, source, words, constraints }) {
    const { columns } = this;
    const isFound = this.#found(words);
    const found = (index) => isFound(index) && constraints.every((limit) => keeps(columns, limit, index));
    const isFamily = (index) => families.size === 0 || families.has(columns.family[index]);
    const isProvenance = (index) => provenance.size === 0 || provenance.has(columns.provenance[index]);
    const isSource = (index) => !source || columns.source[index] === source;
    const isEvaluator = (index) => evaluators.size === 0 || evaluators.has(this.qualityBy(index));
    const filters = { family: isFamily, provenance: isProvenance, source: isSource, quality_by: isEvaluator };
    for (const name of RUN_AS) {
      filters[name] = (index) => runAs[name].size === 0 || runAs[name].has(columns[name][index]);
    }
    const facets = Object.keys(filters);
    const isOnBoard = (index) => found(index) && facets.every((facet) => filters[facet](index));
    const counts = Object.fromEntries(facets.map((facet) => [facet, new Map()]));
    for (const index of this.ranking.eligible(minQuality, found)) {
      const refusing = facets.filter((facet) => !filters[facet](index));
      if (refusing.length > 1) continue; // two filters leave it out, so no single one would let it in
      for (const facet of refusing.length === 1 ? refusing : facets) {
        const value = facet === "quality_by" ? this.qualityBy(index) : columns[facet][index];
        counts[facet].set(value, (counts[facet].get(value) ?? 0) + 1);
      }
    }
    const eligible = this.ranking.eligible(minQuality, isOnBoard);
    const belowFloor = this.ranking.eligible(null, isOnBoard).length - eligible.length;
    return { eligible, belowFloor, counts };
  }

  /** Who evaluated the quality of the entry at an index. */
  qualityBy(index) {
    const { source, quality_provenance: provenance, submitters_weights: isSupplied } = this.columns;
    return qualityBy({
      source: source[index],
      quality_provenance: provenance[index],
      submitters_weights: isSupplied[index],
    });
  }

  #found(words) {
    if (words.length === 0) return () => true;
    const { method, architecture, recipe } = this.columns;
    this.searched ??= method.map((title, index) => `${title}\n${architecture[index] ?? ""}`.toLowerCase());
    return (index) => words.every((word) => this.searched[index].includes(word) || recipe[index]?.startsWith(word));
  }
}
