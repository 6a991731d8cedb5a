/**
 * A long table that holds only the rows in sight: a fixed pool of rows of one height, refilled.
 *
 * Rows are in the page in the order of their lines and carry their line's number, so that a screen reader and the Tab
 * key meet the table that is seen. One row at a time can be reached with Tab; arrow keys go on from it,
 * from checkbox to checkbox or from link to link.
 */

import { Motion } from "./motion.js";

const BEYOND = 3; // rows kept ready outside of either edge
const ALL = 1e9;
const ON_PAPER = 50;

export class List {
  /**
   * @param {object} parts
   * @param {HTMLElement} parts.region what scrolls
   * @param {HTMLElement} parts.body parent of the rows, of which the server has filled some that follow each other
   * @param {() => HTMLElement} parts.make an empty row
   * @param {(row: HTMLElement, line: number) => void} parts.fill writes a line into a row
   */
  constructor({ region, body, make, fill }) {
    Object.assign(this, { region, body, make, fill });
    this.rows = [...body.children];
    this.first = this.rows.length > 0 ? this.rows[0].ariaRowIndex - 2 : 0; // 1 is the head
    this.count = this.first + this.rows.length;
    this.current = this.first;
    this.scrollTop = 0;
    this.motion = new Motion();
    this.isLive = false;
    region.tabIndex = -1;
    region.addEventListener("scroll", () => this.#scroll(), { passive: true });
    region.addEventListener("keydown", (event) => this.#key(event));
    region.addEventListener("focusin", (event) => this.#focus(event));
    addEventListener("beforeprint", () => this.#print());
    addEventListener("afterprint", () => this.#endPrint());
  }

  /** Read the sizes that the stylesheet gives; the only place that does, so that drawing never waits for a layout. */
  measure() {
    const row = this.rows[0];
    if (!row) return;
    const mostPx = parseFloat(getComputedStyle(this.region).maxHeight);
    this.headPx = this.body.previousElementSibling.offsetHeight;
    this.pitchPx = row.offsetHeight + parseFloat(getComputedStyle(row).marginBottom);
    this.atOnce = Number.isNaN(mostPx) ? ALL : Math.ceil((mostPx - this.headPx) / this.pitchPx);
    this.scrollTop = this.region.scrollTop;
  }

  /** Start following the board: the server's rows become the pool. */
  start() {
    this.isLive = true;
    this.measure();
    if (this.first > 0) {
      const offsetPx = this.first * this.pitchPx;
      this.body.style.paddingTop = `${offsetPx}px`;
      this.region.scrollTop = this.scrollTop = this.scrollTop + offsetPx;
    }
    new ResizeObserver(() => this.resize()).observe(this.region);
  }

  /** The window, or a row, has another size: the line at the top stays there. */
  resize() {
    if (this.isPrinting) return;
    const line = this.pitchPx ? this.scrollTop / this.pitchPx : 0;
    const before = this.pitchPx;
    this.measure();
    if (before && before !== this.pitchPx) this.region.scrollTop = this.scrollTop = line * this.pitchPx;
    this.#arrange();
  }

  /** Make the rows again, with other columns, for `count` lines. */
  renew(count) {
    this.count = count;
    this.body.replaceChildren();
    this.rows = [];
    this.#arrange();
    this.resize();
  }

  /** Show `count` lines as they are now. `moves`: rows may be seen on their way to their new lines. */
  show(count, moves) {
    this.count = count;
    this.current = Math.min(this.current, Math.max(0, count - 1));
    if (moves) this.motion.remember(this.rows, this.first);
    this.#arrange();
    if (!this.pitchPx && count > 0) this.resize(); // the first line there is
    this.rows.forEach((row, offset) => this.fill(row, this.first + offset));
    this.#setTabStop();
    if (moves) this.motion.play(this.rows, this.first, this.pitchPx);
  }

  /** The line at the top. */
  get topLine() {
    return Math.min(Math.max(0, this.count - 1), Math.round(this.scrollTop / (this.pitchPx || 1)));
  }

  get bottomLine() {
    return Math.min(this.count - 1, Math.floor(this.scrollTop / (this.pitchPx || 1)) + this.atOnce - 1);
  }

  /** Scroll a line to the top. */
  scrollTo(line) {
    this.region.scrollTop = this.scrollTop = Math.max(0, line * this.pitchPx);
    this.#arrange();
  }

  #scroll() {
    this.scrollTop = this.region.scrollTop;
    if (this.isLive) this.#arrange();
    this.onscroll?.();
  }

  /** Paper does not scroll: the lines from the top one on, as many as the server's page has. */
  #print() {
    if (!this.isLive) return;
    this.isPrinting = true;
    this.#put(this.topLine, Math.min(ON_PAPER, this.count - this.topLine));
  }

  #endPrint() {
    this.isPrinting = false;
    if (this.isLive) this.#arrange();
  }

  #arrange() {
    if (this.isPrinting) return;
    const wanted = Math.min(this.count, (this.atOnce ?? BEYOND) + 2 * BEYOND + 1);
    const top = Math.floor(this.scrollTop / (this.pitchPx || 1)) - BEYOND;
    this.#put(Math.max(0, Math.min(top, this.count - wanted)), wanted);
    if (this.pitchPx) {
      this.body.style.paddingTop = `${this.first * this.pitchPx}px`;
      this.body.style.paddingBottom = `${(this.count - this.first - this.rows.length) * this.pitchPx}px`;
    }
  }

  /** Rows for the lines from `first` on: those that are there stay in place, with the focus that they may hold. */
  #put(first, wanted) {
    if (first === this.first && wanted === this.rows.length) return;
    const hadFocus = this.body.contains(document.activeElement);
    const spare = [];
    while (this.rows.length > 0 && this.first < first) {
      spare.push(this.rows.shift());
      this.first += 1;
    }
    while (this.rows.length > 0 && this.first + this.rows.length > first + wanted) spare.push(this.rows.pop());
    if (this.rows.length === 0) this.first = first;
    while (this.first > first) {
      const row = spare.pop() ?? this.make();
      this.body.prepend(row);
      this.rows.unshift(row);
      this.first -= 1;
      this.fill(row, this.first);
    }
    while (this.rows.length < wanted) {
      const row = spare.pop() ?? this.make();
      this.body.append(row);
      this.rows.push(row);
      this.fill(row, this.first + this.rows.length - 1);
    }
    for (const row of spare) row.remove();
    this.#setTabStop();
    if (hadFocus && !this.body.contains(document.activeElement)) this.region.focus({ preventScroll: true });
  }

  #setTabStop() {
    const stop = Math.max(this.first, Math.min(this.current, this.first + this.rows.length - 1));
    this.rows.forEach((row, offset) => {
      const index = this.first + offset === stop ? 0 : -1;
      row.stops ??= [row.querySelector("a"), ...row.querySelectorAll("input")];
      for (const stop of row.stops) if (stop.tabIndex !== index) stop.tabIndex = index;
    });
  }

  #focus(event) {
    const row = event.target.closest("tr");
    const offset = this.rows.indexOf(row);
    if (offset < 0) return;
    this.current = this.first + offset;
    if (this.isLive) this.#setTabStop();
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.pitchPx) return;
    if (event.target !== this.region && !this.body.contains(event.target)) return;
    const page = Math.max(1, this.atOnce - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -ALL, End: ALL };
    const step = steps[event.key];
    if (step === undefined || this.count === 0) return;
    event.preventDefault();
    const stops = event.target.closest("tr")?.stops ?? [];
    this.#go(Math.max(0, Math.min(this.count - 1, this.current + step)), Math.max(0, stops.indexOf(event.target)));
  }

  /** Scroll a line into sight and focus its link, or the other control whose number `stop` is. */
  #go(line, stop) {
    this.current = line;
    const topPx = line * this.pitchPx;
    const roomPx = this.atOnce === ALL ? Infinity : this.region.clientHeight - this.headPx;
    if (roomPx < Infinity) {
      if (topPx < this.scrollTop) this.region.scrollTop = topPx;
      else if (topPx + this.pitchPx > this.scrollTop + roomPx) this.region.scrollTop = topPx + this.pitchPx - roomPx;
      this.scrollTop = this.region.scrollTop;
    }
    this.#arrange();
    this.#setTabStop();
    const { stops } = this.rows[line - this.first];
    (stops[stop] ?? stops[0]).focus();
  }
}
