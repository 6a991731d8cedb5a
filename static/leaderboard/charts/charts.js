/**
 * Draws Plotly figures in the page's own colours, repaints them when light turns to dark, and saves them as pictures.
 *
 * A figure names its colours by the style sheet's tokens: `color: "--accent"`. They are looked up when it is drawn, so
 * that a chart has the page's colours and a phase has one colour everywhere.
 */

import { NotLoaded } from "./faults.js";
import { escape } from "./labels.js";
import { followPointer, markEntry } from "./pointing.js";
import { withRoom } from "./room.js";

const PICTURE = { width: 1200, height: 700 };
// Of the address in a picture: letters that fit a line, and pixels.
const ADDRESS = { letters: 170, line: 13, above: 14, below: 12 };
const ON_PAPER = { width: 700, height: 330 }; // within the margins of A4
const CONFIG = { responsive: true, displayModeBar: false, displaylogo: false };
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
let plotly = null;

// Paper is light: the colours of the light scheme are in force from here on, before any chart is painted for it.
addEventListener("beforeprint", () => root.classList.add("is-printing"));
addEventListener("afterprint", () => root.classList.remove("is-printing"));

/** Fetch Plotly; a failure is not kept, so that the next call tries again. @throws {NotLoaded} */
function loadPlotly(address) {
  plotly ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: address });
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : script.onerror());
    script.onerror = () => {
      script.remove();
      plotly = null;
      reject(new NotLoaded(address));
    };
    document.head.append(script);
  });
  return plotly;
}

// One chart a task, so that each is seen as soon as it is drawn and input is never delayed for long. One that fails
// does not keep the next from its turn.
let turn = Promise.resolve();
function inTurn(action) {
  const done = turn.then(() => new Promise((resolve) => setTimeout(resolve))).then(action);
  turn = done.catch(() => {});
  return done;
}

const isColour = (name) => name === "color" || name.endsWith("color");

/** `value` with every colour token replaced by its present colour. */
function withColours(value, tokens, ofColour = false) {
  if (typeof value === "string") return ofColour && value.startsWith("--") ? tokens.getPropertyValue(value).trim() : value;
  if (Array.isArray(value)) {
    return ofColour || typeof value[0] === "object" ? value.map((item) => withColours(item, tokens, ofColour)) : value;
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withColours(inner, tokens, isColour(name))]),
  );
}

function withLayout(layout, tokens) {
  const axis = (given) => ({
    gridcolor: "--rule",
    linecolor: "--ink-soft",
    zeroline: false,
    ...given,
    tickfont: { color: "--ink-soft" },
  });
  const whole = {
    template: "none",
    // Not transparent: the colours of a saved picture were chosen for this background.
    paper_bgcolor: "--sheet",
    plot_bgcolor: "--sheet",
    showlegend: false,
    hovermode: "closest",
    dragmode: false,
    ...layout,
    font: { family: tokens.getPropertyValue("--sans").trim(), size: 12, color: "--ink" },
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
    hoverlabel: { bgcolor: "--sheet", bordercolor: "--rule", font: { color: "--ink" }, align: "left" },
  };
  return withColours(whole, tokens);
}

/** One chart on the page. `element` is its box; the buttons that save it are in the same figure element. */
export class Chart {
  constructor(element) {
    this.element = element;
    this.figure = null;
    dark.addEventListener("change", () => this.paint());
    addEventListener("beforeprint", () => this.paint());
    addEventListener("afterprint", () => this.paint());
    const frame = element.closest("figure");
    for (const button of frame.querySelectorAll("[data-save]")) {
      button.addEventListener("click", () => this.save(button.dataset.save));
    }
    frame.querySelector("[data-lasso]")?.addEventListener("click", ({ currentTarget }) => this.switchLasso(currentTarget));
    new ResizeObserver(() => this.resize()).observe(element);
  }

  /** Fetch what drawing needs. */
  load() {
    return loadPlotly(this.element.dataset.plotly);
  }

  /** Show `figure`, {title, data, layout, marker}. @returns {Promise<number>} milliseconds that painting took */
  async draw(figure) {
    this.figure = figure;
    const library = await this.load();
    return inTurn(async () => {
      const began = performance.now();
      // Meanwhile the reader may have moved on to another.
      if (figure === this.figure) await this.paint(library);
      return performance.now() - began;
    });
  }

  async paint(library = window.Plotly) {
    if (this.figure === null || !library) return;
    const tokens = getComputedStyle(document.documentElement);
    const { element, figure } = this;
    const isPrinting = root.classList.contains("is-printing");
    this.widthPx = element.clientWidth;
    const { width, height } = isPrinting ? ON_PAPER : { width: this.widthPx, height: element.clientHeight };
    const data = withRoom(figure, width, height, tokens.getPropertyValue("--sans").trim());
    const layout = { ...figure.layout, ...(isPrinting ? ON_PAPER : {}), ...(this.isLasso ? { dragmode: "lasso" } : {}) };
    await library.react(element, withColours(data, tokens), withLayout(layout, tokens), CONFIG);
    this.placeMarker();
    for (const button of element.closest("figure").querySelectorAll("[data-save], [data-lasso]")) button.disabled = false;
    if (!this.isFollowed) followPointer(element, (entry) => markEntry(element, this.figure, entry));
    this.isFollowed = true;
  }

  /** Labels have room for one width. */
  resize() {
    if (this.widthPx === undefined || this.widthPx === this.element.clientWidth || this.element.clientWidth === 0) return;
    inTurn(() => this.paint());
  }

  /** While the lasso is on, a stroke around points chooses their entries. */
  switchLasso(button) {
    this.isLasso = !this.isLasso;
    button.setAttribute("aria-pressed", String(this.isLasso));
    inTurn(() => this.paint());
  }

  /** Move the marker to another usage intensity. Plotly would lay out the whole chart again. */
  moveMarker(usageIntensity) {
    if (!this.figure) return;
    this.figure.marker = usageIntensity;
    this.placeMarker();
  }

  placeMarker() {
    const { marker, layout } = this.figure;
    if (marker === undefined) return;
    this.markerLine ??= Object.assign(document.createElement("i"), { className: "chart-marker" });
    if (!this.markerLine.isConnected) this.element.append(this.markerLine);
    const { l, r, t, b } = layout.margin;
    const [low, high] = layout.xaxis.range;
    const part = Math.max(0, Math.min(1, (Math.log10(marker) - low) / (high - low)));
    Object.assign(this.markerLine.style, { left: `calc(${l}px + (100% - ${l + r}px) * ${part})`, top: `${t}px`, bottom: `${b}px` });
  }

  /** Download the chart as a file, "png" or "svg", with its title and its address. */
  save(format) {
    const tokens = getComputedStyle(document.documentElement);
    const { layout, title, marker } = this.figure;
    const lines = location.href.match(new RegExp(`.{1,${ADDRESS.letters}}`, "g"));
    const addressPx = ADDRESS.above + lines.length * ADDRESS.line + ADDRESS.below;
    const size = { ...PICTURE, height: PICTURE.height + addressPx };
    const address = {
      text: lines.map(escape).join("<br>"),
      ...{ xref: "paper", yref: "paper", x: 0, y: 0, xanchor: "left", yanchor: "top", align: "left", showarrow: false },
      yshift: -layout.margin.b - ADDRESS.above,
      font: { size: 10, color: "--ink-soft" },
    };
    const legend = layout.legend?.yref === "container" ? { ...layout.legend, y: addressPx / size.height } : layout.legend;
    const markerShape = { type: "line", yref: "paper", x0: marker, x1: marker, y0: 0, y1: 1, line: { color: "--focus", dash: "dash" } };
    const picture = {
      ...layout,
      ...size,
      legend,
      title: { text: title, x: 0.02, xanchor: "left", font: { size: 16 } },
      margin: { ...layout.margin, t: 64, b: layout.margin.b + addressPx },
      shapes: marker === undefined ? layout.shapes : [markerShape],
      annotations: [...(layout.annotations ?? []), address],
    };
    const family = tokens.getPropertyValue("--sans").trim();
    const data = withRoom({ data: this.figure.data, layout: picture }, size.width, size.height, family);
    window.Plotly.downloadImage(
      { data: withColours(data, tokens), layout: withLayout(picture, tokens) },
      { ...size, format, filename: this.element.id, scale: format === "png" ? 2 : 1 },
    );
  }
}
