/** Defers work until an element is about to be seen, so that a chart out of sight costs nothing. */

const MARGIN = "150px";

/** Run `action` once, when `element` comes near the window's visible part. */
export function whenNear(element, action) {
  new IntersectionObserver(
    (seen, observer) => {
      if (!seen.some((item) => item.isIntersecting)) return;
      observer.disconnect();
      action();
    },
    { rootMargin: MARGIN },
  ).observe(element);
}
