/** Draws the server's Plotly figures in the page's own colours, and repaints them when light turns to dark. */

const dark = matchMedia("(prefers-color-scheme: dark)");
let plotly = null;

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function loadPlotly(address) {
  plotly ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: address, onerror: reject });
    script.onload = () => resolve(window.Plotly);
    document.head.append(script);
  });
  return plotly;
}

// Phases own the colours; lines are told apart by weight, and by name where they win.
function paintTrace(trace) {
  const { role, complete } = trace.meta;
  const ink = token("--ink");
  if (role === "envelope") return { ...trace, line: { color: token("--accent"), width: 4 } };
  if (role === "crossings") {
    return {
      ...trace,
      // No room for words on a phone; the table below says them.
      mode: innerWidth < 640 ? "markers" : trace.mode,
      marker: { color: token("--sheet"), size: 10, line: { color: ink, width: 2 } },
      textfont: { color: ink, size: 12 },
    };
  }
  const champion = role === "champion";
  const color = token(champion ? "--accent" : "--rule-strong");
  return { ...trace, line: { color, width: champion ? 1.5 : 1, dash: complete ? "solid" : "dot" } };
}

function paintLayout(layout) {
  const [ink, soft, rule] = ["--ink", "--ink-soft", "--rule"].map(token);
  const axis = (given) => ({ ...given, gridcolor: rule, linecolor: soft, zeroline: false, tickfont: { color: soft } });
  return {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: token("--sans"), size: 12, color: ink },
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
    hoverlabel: { bgcolor: token("--sheet"), bordercolor: rule, font: { color: ink } },
    shapes: layout.shapes.map((shape) => ({ ...shape, line: { color: token("--focus"), width: 2, dash: "dash" } })),
  };
}

const CONFIG = {
  responsive: true,
  displaylogo: false,
  displayModeBar: "hover",
  modeBarButtons: [["toImage"]],
  toImageButtonOptions: { filename: "full-cycle-energy", scale: 2 },
};

/** The chart of full-cycle energy against usage intensity, with a marker at the reader's own. */
export class EnergyChart {
  static async draw(element, parameters, usageIntensity) {
    const chart = new EnergyChart(element);
    chart.library = await loadPlotly(element.dataset.plotly);
    await chart.redraw(parameters, usageIntensity);
    dark.addEventListener("change", () => chart.paint());
    return chart;
  }

  constructor(element) {
    this.element = element;
  }

  /** Fetch the figure anew: the entries or their lines have changed. */
  async redraw(parameters, usageIntensity) {
    this.usageIntensity = usageIntensity;
    const asked = (this.asked = `${this.element.dataset.figure}?${parameters}`);
    const response = await fetch(asked);
    const figure = response.ok ? await response.json() : null;
    // Meanwhile the reader may have asked for other lines, or moved the marker.
    if (figure === null || asked !== this.asked) return;
    this.figure = figure;
    this.setMarker();
    await this.paint();
  }

  async paint() {
    const data = this.figure.data.map((trace) => paintTrace(trace));
    await this.library.react(this.element, data, paintLayout(this.figure.layout), CONFIG);
  }

  /** Move the upright line to the reader's usage intensity; no request, no redraw of the lines. */
  moveMarker(usageIntensity) {
    this.usageIntensity = usageIntensity;
    if (!this.figure || this.figure.layout.shapes[0].x0 === usageIntensity) return;
    this.setMarker();
    this.library.relayout(this.element, { "shapes[0].x0": usageIntensity, "shapes[0].x1": usageIntensity });
  }

  setMarker() {
    Object.assign(this.figure.layout.shapes[0], { x0: this.usageIntensity, x1: this.usageIntensity });
  }
}
