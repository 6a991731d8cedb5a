/**
 * On a copy of the site as files, which no server answers for: takes from the address what the server would. Runs before
 * the page's other modules.
 */

const GROUP = ["track", "hardware", "scenario", "scope"];

const given = new URLSearchParams(location.search);
const form = document.getElementById("controls");

/** The board that the address asks for, as [track, hardware, scenario, scope, file]: it may be of another page. */
function wantedBoard(here) {
  const known = JSON.parse(document.getElementById("copied-boards").textContent);
  const wanted = GROUP.map((name) => given.get(name) || here[name]);
  // Track before hardware, hardware before scenario; of equals the site's first choice.
  const likeness = (board) => wanted.reduce((sum, value, index) => sum * 2 + Number(board[index] === value), 0);
  const best = known.reduce((found, board) => (likeness(board) > likeness(found) ? board : found));
  return best[0] === wanted[0] ? best : null;
}

/** Go to the page of another board, if the address asks for it, with what else it says. */
function goToBoard() {
  const { track, hardwareSlug: hardware, scenario, scope } = document.getElementById("board").dataset;
  const here = { track, hardware, scenario, scope };
  const board = wantedBoard(here);
  if (board === null || GROUP.every((name, index) => board[index] === here[name])) return;
  for (const name of GROUP) given.delete(name);
  const left = given.toString();
  location.replace(`${document.documentElement.dataset.root}/${board[GROUP.length]}${left ? `?${left}` : ""}`);
}

/** Put what the address says into the form, which the board's own module reads. */
function fillForm() {
  for (const control of form.elements) {
    if (!given.has(control.name) || control.matches("[data-board]")) continue;
    const values = control.name === "columns" ? given.get("columns").split(",") : given.getAll(control.name);
    if (["checkbox", "radio"].includes(control.type)) control.checked = values.includes(control.value);
    else control.value = values[0];
  }
}

if (form !== null) {
  goToBoard();
  fillForm();
  // The table as it came is of no other question; the board's module listens by then.
  if (given.size > 0) addEventListener("DOMContentLoaded", () => document.dispatchEvent(new CustomEvent("boardwanted")));
} else {
  given.delete("chosen"); // which only a comparison needs
  const notice = document.getElementById("copied-otherwise");
  if (given.size > 0 && notice !== null) {
    notice.querySelector("a").search = given.toString();
    notice.hidden = false;
  }
}
