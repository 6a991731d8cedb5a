/**
 * Rank intervals: how many lines lie surely below another, and how many not surely above. Lines of one device are
 * compared without its gain, lines of different devices with both's. Mirrors leaderboard/domain/intervals.py.
 */

import { countBelow, countUpTo } from "./radixsort.js";

/** The ends of intervals, sorted within each segment. */
class Ends {
  constructor(size) {
    [this.lows, this.highs] = [new Float64Array(size), new Float64Array(size)];
  }

  put(position, value, u95) {
    this.lows[position] = value - u95;
    this.highs[position] = value + u95;
  }

  sort(start, end) {
    this.lows.subarray(start, end).sort();
    this.highs.subarray(start, end).sort();
  }

  /** In the segment: how many lie surely below value ± u95, and how many not surely above. */
  count(start, end, value, u95) {
    return [
      countBelow(this.highs.subarray(start, end), value - u95),
      countUpTo(this.lows.subarray(start, end), value + u95),
    ];
  }
}

/** Of a board's lines; its buffers are made once. */
export class Intervals {
  /** @param {object} columns as `columnsOf` makes them */
  constructor({ key, device, gain_u95: gain }) {
    [this.device, this.gain] = [device, gain];
    this.narrow = new Ends(key.length);
    if (device === undefined) return;
    [this.wide, this.all] = [new Ends(key.length), new Ends(key.length)];
    this.starts = new Uint32Array(device.reduce((most, number) => Math.max(most, number), 0) + 2);
  }

  /** Take the ranked lines. u95: of the value of the line at an index, 0 if unknown. */
  fill(lines, value, u95) {
    this.count = lines.length;
    if (this.device === undefined) {
      lines.forEach((index, position) => this.narrow.put(position, value[index], u95(index)));
      this.narrow.sort(0, this.count);
      return;
    }
    const { device, starts } = this;
    starts.fill(0);
    for (const index of lines) starts[device[index] + 1] += 1;
    for (let number = 1; number < starts.length; number += 1) starts[number] += starts[number - 1];
    const next = starts.slice();
    lines.forEach((index, position) => {
      const within = next[device[index]]++;
      this.narrow.put(within, value[index], u95(index));
      this.wide.put(within, value[index], this.#wide(index, value[index], u95(index)));
      this.all.put(position, value[index], this.#wide(index, value[index], u95(index)));
    });
    this.all.sort(0, this.count);
    for (let number = 0; number + 1 < starts.length; number += 1) {
      this.narrow.sort(starts[number], starts[number + 1]);
      this.wide.sort(starts[number], starts[number + 1]);
    }
  }

  #wide(index, value, u95) {
    return u95 + this.gain[index] * value;
  }

  /** Best and worst rank of the line at an index. */
  ranks(index, value, u95) {
    const number = this.device?.[index];
    const [start, end] = number === undefined ? [0, this.count] : this.starts.subarray(number, number + 2);
    let [below, notAbove] = this.narrow.count(start, end, value, u95);
    if (number !== undefined) {
      const width = this.#wide(index, value, u95);
      const [all, own] = [this.all.count(0, this.count, value, width), this.wide.count(start, end, value, width)];
      below += all[0] - own[0];
      notAbove += all[1] - own[1];
    }
    return [1 + below, notAbove];
  }
}
