/** Keeps the address bar up to date with what is shown, also when the reader leaves. */

// Browsers allow some 20 changes a second, and a slider makes more.
const DELAY_MS = 200;

let pending = null;
let timer = 0;
let drawPending = () => {};

/** Set the address of what is drawn. It is written once the input pauses, or when the reader leaves. */
export function setAddress(address) {
  pending = address;
  clearTimeout(timer);
  timer = setTimeout(write, DELAY_MS);
}

/** Set what runs first when the reader leaves: `action` draws what waits for the next frame. */
export function beforeLeaving(action) {
  drawPending = action;
}

function write() {
  clearTimeout(timer);
  if (pending !== null && pending !== location.pathname + location.search) history.replaceState(null, "", pending);
  pending = null;
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
document.addEventListener("click", leave, { capture: true });
addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", leave);
