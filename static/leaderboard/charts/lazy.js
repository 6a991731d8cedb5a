/** Defers work until an element is about to be seen, so that a chart out of sight costs nothing. */

import { clearFault, sayFault } from "./faults.js";

const MARGIN = "150px";

/** Run `action`, which draws the chart `element`, when it comes near the visible part: until it succeeds. */
export function whenNear(element, action) {
  const frame = element.closest("figure");
  let isRunning = false;
  const observer = new IntersectionObserver((seen) => seen.at(-1).isIntersecting && attempt(), { rootMargin: MARGIN });
  async function attempt() {
    if (isRunning) return;
    isRunning = true;
    try {
      await action();
      observer.disconnect();
      clearFault(frame);
    } catch (fault) {
      sayFault(frame, fault, attempt);
    }
    isRunning = false;
  }
  observer.observe(element);
}
