/** Keeps the address bar in step with what is shown, and never behind when the reader leaves. */

// Browsers allow some 20 changes a second, and a slider makes more.
const DELAY_MS = 200;

let pending = null;
let timer = 0;
let finish = () => {};

/** The address of what is drawn; written once the reader's hand is at rest, or leaves. */
export function setAddress(address) {
  pending = address;
  clearTimeout(timer);
  timer = setTimeout(write, DELAY_MS);
}

/** What is to be done first when the reader leaves within a frame: `action` draws what waits for the next one. */
export function beforeLeaving(action) {
  finish = action;
}

function write() {
  clearTimeout(timer);
  if (pending !== null && pending !== location.pathname + location.search) history.replaceState(null, "", pending);
  pending = null;
}

function leave() {
  finish();
  write();
}

// A link is followed after its click, and by then the address must be the one to come back to.
document.addEventListener("click", leave, { capture: true });
addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", leave);
