/**
 * Keeps the address bar up to date with what is shown, and the history: one entry for each settled change, so that Back
 * and the button Undo lead to the view before. While a change goes on, the current entry's address follows it.
 */

// Browsers allow some 20 changes a second, and a slider makes more.
const DELAY_MS = 200;
// A change that nothing else ends, such as typing, has settled after this long.
const SETTLED_AFTER_MS = 1000;

const undo = document.getElementById("undo");

let depth = history.state?.depth ?? 0; // how many changes Undo may take back
let settled = null; // the last settled view: {key, address, state}
let shown = null; // the view that is drawn
let written = null; // its address is in the address bar
let wait = 0;
let settling = 0;
let isRestored = false;
let settlesNext = false;
let drawPending = () => {};

/** Begin with the view that the page came with. */
export function begin(view) {
  settled = shown = view;
  history.replaceState({ depth, state: view.state }, "");
  written = location.pathname + location.search;
  showUndo();
}

/**
 * Set the view that is drawn. `key`: its address without the place in the table; `address`: with it; `state`: the form's
 * contents. The address is written once the input pauses, or when the reader leaves.
 */
export function setView(view) {
  shown = view;
  if (isRestored || view.key === settled.key) settled = view;
  isRestored = false;
  clearTimeout(wait);
  clearTimeout(settling);
  wait = setTimeout(write, DELAY_MS);
  if (settled !== view) settling = setTimeout(settle, SETTLED_AFTER_MS);
  if (settlesNext) settle();
  showUndo();
}

/** Set what runs first when the reader leaves: `action` draws what waits for the next frame. */
export function beforeLeaving(action) {
  drawPending = action;
}

function write() {
  clearTimeout(wait);
  if (shown.address === written) return;
  history.replaceState({ depth, state: shown.state }, "", shown.address);
  written = shown.address;
}

/** The change that is drawn has ended: the view before it becomes an entry of the history. */
export function settle() {
  clearTimeout(settling);
  settlesNext = false;
  if (settled === shown) return;
  history.replaceState({ depth, state: settled.state }, "", settled.address);
  depth += 1;
  history.pushState({ depth, state: shown.state }, "", shown.address);
  settled = shown;
  written = shown.address;
}

/** The change that was just made has ended: settle once it is drawn. */
export function settleDrawn() {
  settlesNext = true; // also if it can only be drawn once the snapshot is here
  drawPending();
  if (settled !== shown) settle();
}

function showUndo() {
  const isNeeded = depth > 0 || settled !== shown;
  if (undo.disabled !== isNeeded) return;
  if (!isNeeded && document.activeElement === undo) document.getElementById("board-window").focus({ preventScroll: true });
  undo.disabled = !isNeeded;
}

undo.addEventListener("click", () => {
  settle();
  history.back();
});

/** `restoreView` puts a view back into the form and draws it. */
export function onBack(restoreView) {
  addEventListener("popstate", ({ state }) => {
    if (!state) return; // to a part of the page
    clearTimeout(wait);
    clearTimeout(settling);
    depth = state.depth;
    isRestored = true;
    written = location.pathname + location.search;
    restoreView(state.state);
  });
}

function leave() {
  drawPending();
  write();
}

addEventListener("beforeprint", () => {
  leave();
  document.querySelector(".printed-address").textContent = location.href;
});

// A link is followed after its click: by then the address must be the one that Back returns to.
document.addEventListener(
  "click",
  ({ target }) => {
    leave();
    if (target.closest("a[href]")) settle();
  },
  { capture: true },
);
addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", leave);
