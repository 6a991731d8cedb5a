/**
 * Draws Plotly figures in the page's own colours, repaints them when light turns to dark, and saves them as pictures.
 *
 * A figure names its colours by the style sheet's tokens: `color: "--accent"`. They are looked up when it is drawn, so
 * that a chart has the page's colours and a phase has one colour everywhere.
 */

const PICTURE = { width: 1200, height: 700 };
const ON_PAPER = { width: 700, height: 330 }; // within the margins of A4
const CONFIG = { responsive: true, displayModeBar: false, displaylogo: false };
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
let plotly = null;

// Paper is light: the colours of the light scheme are in force from here on, before any chart is painted for it.
addEventListener("beforeprint", () => root.classList.add("is-printing"));
addEventListener("afterprint", () => root.classList.remove("is-printing"));

function loadPlotly(address) {
  plotly ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: address, onerror: reject });
    script.onload = () => resolve(window.Plotly);
    document.head.append(script);
  });
  return plotly;
}

// One chart a task, so that each is seen as soon as it is drawn and input is never delayed for long.
let turn = Promise.resolve();
const inTurn = (action) => (turn = turn.then(() => new Promise((resolve) => setTimeout(resolve))).then(action));

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
    const layout = root.classList.contains("is-printing") ? { ...this.figure.layout, ...ON_PAPER } : this.figure.layout;
    await library.react(this.element, withColours(this.figure.data, tokens), withLayout(layout, tokens), CONFIG);
    this.placeMarker();
    for (const button of this.element.closest("figure").querySelectorAll("[data-save]")) button.disabled = false;
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
    const source = { text: location.href, xref: "paper", yref: "paper", x: 0, y: -0.19, xanchor: "left", showarrow: false };
    const { layout, title, marker } = this.figure;
    const markerShape = { type: "line", yref: "paper", x0: marker, x1: marker, y0: 0, y1: 1, line: { color: "--focus", dash: "dash" } };
    const picture = {
      ...layout,
      ...PICTURE,
      title: { text: title, x: 0.02, xanchor: "left", font: { size: 16 } },
      margin: { ...layout.margin, t: 64, b: 96 },
      shapes: marker === undefined ? layout.shapes : [markerShape],
      annotations: [...(layout.annotations ?? []), { ...source, font: { size: 10, color: "--ink-soft" } }],
    };
    window.Plotly.downloadImage(
      { data: withColours(this.figure.data, tokens), layout: withLayout(picture, tokens) },
      { ...PICTURE, format, filename: this.element.id, scale: format === "png" ? 2 : 1 },
    );
  }
}
