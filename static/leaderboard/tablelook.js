/** How the table looks, its texts apart: how wide bars are, what is said once, which columns, other usages' ranks. */

import { chooseColumns, write } from "./draw.js";
import { joules } from "./format.js";
import { isDefaultColumns, shownColumns } from "./controls.js";
import { needed } from "./needed.js";

const LINES_IN_SCALE = 20;
const UNCERTAINTIES = ["shared_u95_j", "own_u95_j", "inference_u95_j"];
const table = document.getElementById("board");
const notes = [...document.querySelectorAll("[data-same]")];
const fullWidth = document.getElementById("full-width");
const options = document.getElementById("table-options");
const leftOutAt = table.dataset.leftOutAt.split(" ");
// Of what is the same in all lines, the column that would say it in each.
const COLUMN_OF = { isEstimated: "provenance", isUnmetered: "metered" };
let columns = "";

/** The other usage intensities that are ranked side by side, images. */
export const otherUsages = () => [...options.querySelectorAll("[name=at]:checked")].map((box) => Number(box.value));

// No more than an address may have.
options.addEventListener("change", ({ target }) => {
  if (otherUsages().length > Number(options.dataset.mostUsages)) target.checked = false;
});

/** Whether bars scale with joules. */
const isInJoules = () => options.querySelector("[name=bars]:checked").value === "";

/** The joules that a bar of full width has: the most that any of the first lines has. null: each its own total. */
export function fullWidthJ({ order, rankedCount, energyJ }) {
  if (!isInJoules()) return null;
  const first = order.subarray(0, Math.min(LINES_IN_SCALE, rankedCount || LINES_IN_SCALE));
  return first.reduce((most, index) => Math.max(most, energyJ[index]), 0);
}

export const drawFullWidth = (fullJ) => write(fullWidth, fullJ === null ? "" : `full width: ${joules(fullJ)}`);

/** What each line has at the other usage intensities, as sidebyside.js gives it; undefined if there are none. */
export function rankOthers(board, eligible, query, again) {
  const usages = otherUsages();
  if (usages.length === 0) return undefined;
  return needed("others", () => import("./sidebyside.js"), again)?.sideBySide(board, eligible, query, usages);
}

/** What all eligible lines have in common, so that it is said once; as `same` of leaderboard/presentation/table.py. */
export function sameOf({ columns: of, ranking }, eligible) {
  const { provenance, inference_provenance: inference, metered_shared_j: shared, metered_own_j: own } = of;
  const isEstimated = (at) => provenance[at] === "estimated";
  const isUnmetered = (at) => !(shared[at] + own[at] > 0) && inference[at] !== "metered";
  const widths = UNCERTAINTIES.map((name) => ranking.columns[name]);
  const isUncertain = (at) => widths.some((width) => Number.isNaN(width[at])) || widths.every((width) => width[at] === 0);
  const all = (is) => eligible.length > 0 && eligible.every(is);
  return { isEstimated: all(isEstimated), isUnmetered: all(isUnmetered), isUncertain: all(isUncertain) };
}

/** Say what is the same in all lines. */
export function drawSame(same) {
  for (const note of notes) note.hidden = !same[note.dataset.same];
  table.classList.toggle("is-uncertain", same.isUncertain);
}

/** Show the chosen columns, without those that say the same in all lines. @returns {boolean} whether they are others */
export function drawColumns() {
  const usages = otherUsages();
  const said = notes.filter((note) => !note.hidden).map((note) => COLUMN_OF[note.dataset.same]);
  const leftOut = new Set(said);
  if (usages.length > 0 && isDefaultColumns()) for (const key of leftOutAt) leftOut.add(key);
  const shown = shownColumns().filter((key) => !leftOut.has(key));
  const key = JSON.stringify([shown, usages]);
  if (key === columns) return false;
  columns = key;
  chooseColumns(shown, usages);
  return true;
}
