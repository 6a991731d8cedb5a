/** Ranks and energies at other usage intensities than the slider's, as in leaderboard/presentation/side_by_side.py. */

import { SPACE, joules } from "./format.js";
import { Ranking } from "./ranking.js";
import { rankText } from "./rows.js";

let made = { eligible: null, key: "" };

/**
 * Rank the eligible lines at each usage intensity; once for each filter, not at each tick of the slider.
 *
 * @returns {(entry: object, index: number) => {rank: string, energy: string}[]} what a line has at each
 */
export function sideBySide({ ranking }, eligible, query, usages) {
  const key = JSON.stringify([usages, query.sharedBy, query.orderBy, query.accuracyWeight, query.includeIncomplete]);
  if (made.eligible === eligible && made.key === key) return made.cells;
  const rankings = usages.map((usage) => ranked(ranking, eligible, usage, query));
  const cells = (entry, index) => rankings.map(({ of, positions }) => cell(entry, of.place(positions[index])));
  made = { eligible, key, cells };
  return cells;
}

function ranked(ranking, eligible, usage, query) {
  const of = new Ranking(ranking.columns, ranking.byTie);
  of.rank(eligible, usage, query);
  const positions = new Uint32Array(of.size);
  of.order.forEach((index, position) => (positions[index] = position));
  return { of, positions };
}

const cell = (entry, place) => ({
  rank: rankText(place),
  energy: `${entry.complete ? "" : `≥${SPACE}`}${joules(place.energy_j)}`,
});
