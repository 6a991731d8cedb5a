/** The entries that the reader has chosen to compare: a few, in the order of choice, kept in the address. */

import { needed } from "./needed.js";

const field = document.getElementById("chosen");
const list = document.getElementById("choice-list");
const most = Number(field.dataset.most);
const chosen = new Set(field.value.split(",").filter(Boolean).map(Number));
let isFull = false; // the reader has just chosen one more than there is room for
let isDrawn = false;

export const isChosen = (entry) => chosen.has(entry);
export const chosenEntries = () => [...chosen];

/** Choose what the field says again, after Back. */
export function restoreChoice() {
  chosen.clear();
  for (const entry of field.value.split(",").filter(Boolean)) chosen.add(Number(entry));
}

/** Choose entries, or leave them out. */
export function choose(entries, isWanted = true) {
  for (const entry of entries) {
    if (!isWanted) chosen.delete(entry);
    else if (chosen.size < most) chosen.add(entry);
  }
  field.value = chosenEntries().join(",");
  isFull = isWanted && !entries.every(isChosen);
}

/** Follow the table's checkboxes, the bar's links and the clicks on charts. `changed` runs after each. */
export function watchChoices(region, changed) {
  const take = (entries, isWanted) => {
    choose(entries, isWanted);
    changed();
  };
  region.addEventListener("change", ({ target }) => {
    if (!target.matches("[name=entry]")) return;
    take([Number(target.value)], target.checked);
    target.checked = isChosen(Number(target.value)); // there may have been no room
  });
  list.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    take([Number(link.closest("li").dataset.entry)], false);
  });
  // Points and lines of charts: one that is chosen already leaves the comparison.
  document.addEventListener("entrychosen", ({ detail: { entries, isWanted } }) => {
    take(entries, isWanted ?? !entries.every(isChosen));
  });
}

/** Draw the bar with what is chosen; `again` runs once what that needs is here. */
export function drawChoice(board, query, again) {
  if (chosen.size === 0 && !isDrawn) return;
  isDrawn = true;
  const gone = chosenEntries().filter((entry) => !board.indices.has(entry));
  if (gone.length > 0) choose(gone, false);
  needed("choice", () => import("./choicebar.js"), again)?.drawChoice(board, query, chosenEntries(), isFull);
}
