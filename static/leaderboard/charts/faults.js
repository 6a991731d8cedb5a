/** Says in words that a chart could not be drawn, and offers to try again. */

/** A script or figures did not arrive: the network's fault, and nothing to report. */
export class NotLoaded extends Error {}

const isOfNetwork = (fault) => fault instanceof NotLoaded || /import|fetch/i.test(fault.message);

/**
 * Show the fault over the chart's box. `again` runs at the press of its button; it is expected to clear the fault.
 *
 * @param {HTMLElement} frame the chart's figure
 */
export function sayFault(frame, fault, again) {
  clearFault(frame);
  const isNetwork = isOfNetwork(fault);
  const why = isNetwork ? "what it needs did not load" : "of an error in its program";
  const words = document.createElement("p");
  words.textContent = `This chart is not drawn, because ${why}. It is tried again when you come back to it. `;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet" });
  button.textContent = "Try again";
  button.addEventListener("click", again);
  words.append(button);
  const note = Object.assign(document.createElement("div"), { className: "chart-fault", role: "status" });
  note.append(words);
  frame.append(note);
  if (!isNetwork) reportError(fault);
}

/** Take the words away. @returns {boolean} whether there were any */
export function clearFault(frame) {
  const note = frame.querySelector(".chart-fault");
  note?.remove();
  return note !== null;
}
