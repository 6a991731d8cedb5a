/** Moves rows from their old line to their new one, so that the eye can follow them. */

const DURATION_MS = 260;
const EASING = "cubic-bezier(0.215, 0.61, 0.355, 1)"; // the distance left falls with the cube of the time left
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Motion {
  constructor() {
    this.seenAt = new Map();
  }

  /** Remember the line at which each entry is seen now, moving or at rest. No layout is read: rows are of one height. */
  remember(rows, first) {
    this.seenAt.clear();
    if (still.matches) return;
    const now = performance.now();
    rows.forEach((row, offset) => this.seenAt.set(row.dataset.entry, first + offset + linesLeft(row, now)));
  }

  /** Move each row from the line at which its entry was seen; an entry that was not in sight fades in. */
  play(rows, first, pitchPx) {
    if (this.seenAt.size === 0) return;
    const now = performance.now();
    rows.forEach((row, offset) => {
      const before = this.seenAt.get(row.dataset.entry);
      const lines = before === undefined ? 0 : before - first - offset;
      row.animation?.cancel();
      row.animation = null;
      if (before !== undefined && Math.abs(lines) * pitchPx < 0.5) return;
      const from = before === undefined ? { opacity: 0.15 } : { transform: `translateY(${lines * pitchPx}px)` };
      row.animation = row.animate([from, {}], { duration: DURATION_MS, easing: EASING });
      Object.assign(row, { cameFrom: lines, cameAt: now });
    });
  }
}

function linesLeft(row, now) {
  if (!row.animation) return 0;
  const left = 1 - (now - row.cameAt) / DURATION_MS;
  return left > 0 ? row.cameFrom * left ** 3 : 0;
}
