/** Rows on their way from the line where they were to the line where they are, so that the eye can follow them. */

const DURATION_MS = 260;
const EASING = "cubic-bezier(0.215, 0.61, 0.355, 1)"; // what is left of the way falls with the cube of the time left
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Motion {
  constructor() {
    this.where = new Map();
  }

  /** Where each entry is seen now, in lines, on its way or at rest. No layout is read: rows are of one height. */
  remember(rows, first) {
    this.where.clear();
    if (still.matches) return;
    const now = performance.now();
    rows.forEach((row, offset) => this.where.set(row.dataset.entry, first + offset + wayLeft(row, now)));
  }

  /** Move each row from where its entry was seen; an entry that comes into sight fades in. */
  play(rows, first, pitchPx) {
    if (this.where.size === 0) return;
    const now = performance.now();
    rows.forEach((row, offset) => {
      const before = this.where.get(row.dataset.entry);
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

function wayLeft(row, now) {
  if (!row.animation) return 0;
  const left = 1 - (now - row.cameAt) / DURATION_MS;
  return left > 0 ? row.cameFrom * left ** 3 : 0;
}
