/** Shows the help of a word as soon as the pointer or the keyboard comes to it; a click or a touch needs no script. */

const DELAY_MS = 250;

let timer = 0;
let anchored = null; // the button next to which it is
let shown = null; // {text, button}: help that was shown without a click

/** The button whose help is asked for where the pointer or the focus is: its own, or that of its head. */
const buttonAt = (target) => target.closest(".help") ?? target.closest("[data-help]")?.querySelector(".help");
const textOf = (button) => document.getElementById(button.getAttribute("popovertarget"));

function show(button) {
  clearTimeout(timer);
  const text = textOf(button);
  if (text.matches(":popover-open")) return;
  if (anchored) anchored.style.anchorName = "";
  anchored = button;
  button.style.anchorName = text.style.positionAnchor = "--help";
  text.showPopover(); // without its button as the source, so that Tab goes on to the next control
  shown = { text, button };
}

function hide() {
  clearTimeout(timer);
  shown?.text.hidePopover();
  shown = null;
}

export function showHelp({ type, target }) {
  const button = buttonAt(target);
  if (button && type === "focusin") focused(target, button);
  else if (button) timer = setTimeout(show, DELAY_MS, button);
}

function focused(target, button) {
  if (target.matches(":focus-visible")) show(button);
}

document.addEventListener("pointerover", ({ target, pointerType }) => {
  if (pointerType === "touch") return;
  const button = buttonAt(target);
  clearTimeout(timer);
  if (button) timer = setTimeout(show, DELAY_MS, button);
  else if (shown && !shown.text.contains(target)) timer = setTimeout(hide, DELAY_MS);
});

document.addEventListener("focusin", ({ target }) => {
  const button = buttonAt(target);
  if (button) focused(target, button);
  else if (shown && !shown.text.contains(target)) hide();
});

// Help that is shown already stays when its button is pressed, and Tab then leads to its link.
document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest(".help");
    if (!button || shown?.button !== button || !shown.text.matches(":popover-open")) return;
    event.preventDefault();
    shown.text.hidePopover();
    shown.text.showPopover({ source: button });
    shown = null; // it is closed by Escape, or by a click elsewhere
  },
  { capture: true },
);
