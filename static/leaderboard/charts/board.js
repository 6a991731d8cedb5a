/**
 * The leaderboard's charts. They follow the board, whose event "boarddrawn" brings its ranking, without a request:
 * each only while it is near the visible part of the page, and never within the frame of a tick.
 */

import { clearFault, sayFault } from "./faults.js";

const MARGIN = "150px";
const REST_MS = 300;
const LEAST_PAUSE_MS = 60;
const GREATEST_PAUSE_MS = 400;
let view = null; // what the board has drawn last
let chartModules = null; // the modules that only charts need

function loadModules() {
  chartModules ??= Promise.all([
    import("./axes.js"),
    import("./charts.js"),
    import("./energy.js"),
    import("./greenness.js"),
    import("./phases.js"),
    import("./ranks.js"),
    import("./tables.js"),
  ]).then((modules) => {
    const all = Object.assign({}, ...modules);
    all.onWidthChange(changeAll);
    return all;
  });
  chartModules.catch(() => (chartModules = null)); // the next call tries again
  return chartModules;
}

const preloaded = new Set();

function preload(script) {
  if (preloaded.has(script)) return;
  preloaded.add(script);
  document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "script", href: script }));
}

class BoardChart {
  constructor(element) {
    this.element = element;
    this.kind = element.dataset.boardChart; // "energy", "greenness", "quality", "phases" or "ranks"
    this.frame = element.closest("figure");
    this.isNear = false;
    this.isDue = true;
    this.following = null; // while it is being drawn
    this.pauseMs = LEAST_PAUSE_MS;
    this.timer = 0;
    this.frame.querySelector("details").addEventListener("toggle", () => this.fillTable());
    new IntersectionObserver((seen) => this.setNear(seen.at(-1).isIntersecting), { rootMargin: MARGIN }).observe(this.frame);
  }

  setNear(isNear) {
    this.isNear = isNear;
    if (!isNear) return;
    // The largest file by far: its download starts before that of the modules that use it.
    preload(this.element.dataset.plotly);
    if (view === null) document.dispatchEvent(new CustomEvent("boardwanted"));
    this.follow();
    // Plotly is slow to load; it does so while the board is fetched.
    this.attempt(async () => (await this.drawer()).load());
  }

  /** Do a part of the drawing. If it fails, say so; the chart stays due, and is drawn when it next comes into sight. */
  async attempt(action) {
    try {
      await action();
    } catch (fault) {
      this.isDue = true;
      sayFault(this.frame, fault, () => this.setNear(true));
      return false;
    }
    return true;
  }

  /** The board has changed. Lines stay under the slider: their marker moves, and they are chosen again once it rests. */
  change() {
    this.isDue = true;
    if (!this.chart?.figure) {
      this.follow();
    } else if (this.hasLines()) {
      this.chart.moveMarker(view.query.usageIntensity);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.follow(), REST_MS);
    } else {
      this.timer ||= setTimeout(() => {
        this.timer = 0;
        this.follow();
      }, this.pauseMs);
    }
  }

  /** Whether the chart is of lines over the usage intensity, which are the same at any of it. */
  hasLines() {
    if (this.kind === "greenness") return this.chart.figure.accuracyWeight === view.query.accuracyWeight;
    return this.kind === "energy" || this.kind === "ranks";
  }

  async drawer() {
    const { Chart } = await loadModules();
    return (this.chart ??= new Chart(this.element));
  }

  /** Draw the board as it is; once more if it has changed meanwhile. */
  follow() {
    return (this.following ??= this.drawDue().finally(() => (this.following = null)));
  }

  async drawDue() {
    let isWell = true;
    while (isWell && this.isDue && this.isNear && view !== null) {
      this.isDue = false;
      isWell = await this.attempt(() => this.drawView());
      // What this one lacked may be what others wait for.
      if (isWell && clearFault(this.frame)) for (const other of charts) other.follow();
    }
  }

  async drawView() {
    const [make, chart] = await Promise.all([loadModules(), this.drawer()]);
    const figure = await make[`${this.kind}Figure`](view);
    const costMs = await chart.draw(figure);
    // A slow machine draws less often, so that the slider stays responsive.
    this.pauseMs = Math.min(GREATEST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, 2 * costMs));
    this.sayLeftOut(figure.drawn);
    await this.fillTable();
  }

  /** Say how many entries are left out. */
  sayLeftOut(drawn) {
    const all = view.places.length;
    const [leftOut, entries] = [all - drawn, all].map((number) => number.toLocaleString("en-GB"));
    const note = this.frame.querySelector("[data-left-out]");
    note.textContent = drawn < all ? ` ${note.dataset.leftOut} ${leftOut} of ${entries} entries are not shown.` : "";
  }

  async fillTable() {
    if (!this.frame.querySelector("details").open || view === null) return;
    const make = await loadModules();
    make.fillTable(this.frame.querySelector("details table"), await make[`${this.kind}Table`](view));
  }
}

const charts = [...document.querySelectorAll("[data-board-chart]")].map((element) => new BoardChart(element));

// Paper has no charts that come into sight: all that the order has are drawn first. Without the board there are none.
document.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-print]")) return;
  const wanted = charts.filter(({ frame }) => frame.checkVisibility());
  if (view === null && wanted.length > 0) {
    const answers = ["boarddrawn", "boardmissing"];
    const answered = new Promise((done) => answers.forEach((name) => document.addEventListener(name, done, { once: true })));
    document.dispatchEvent(new CustomEvent("boardwanted"));
    await answered;
  }
  for (const chart of wanted) {
    chart.isNear = true;
    await chart.follow();
  }
  window.print();
});

function changeAll() {
  for (const chart of charts) chart.change();
}

document.addEventListener("boarddrawn", ({ detail }) => {
  let places = null;
  let energyChampions = null;
  const { query, champions, byKey, ranking, eligible, chosen, otherUsages, indexOf } = detail;
  // The board makes its places when they are first read; the charts share them.
  view = {
    query,
    champions,
    byKey,
    ranking,
    eligible,
    chosen,
    otherUsages,
    indexOf,
    get energyChampions() {
      return (energyChampions ??= detail.energyChampions);
    },
    get places() {
      return (places ??= detail.places);
    },
  };
  changeAll();
  // The files are of the view that is shown.
  const parameters = detail.parameters.toString();
  for (const link of document.querySelectorAll("[data-download]")) {
    link.setAttribute("href", link.dataset.download + (parameters ? `?${parameters}` : ""));
  }
});
