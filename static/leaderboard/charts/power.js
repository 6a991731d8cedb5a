/** Power over a run as a figure for Plotly: watts over seconds, with a band from least to most and the phases marked. */

import { SPACE, si } from "../format.js";

const watts = (value) => si(value, "W");

/** `trace`: the answer of /entries/<id>/power.json; every time list is in seconds of the trace's own clock. */
export function powerFigure(trace) {
  const first = Math.min(trace.time_s[0] ?? 0, ...trace.phases.map((phase) => phase.start_s));
  const time = trace.time_s.map((t) => t - first);
  const most = Math.max(...trace.most_w, 0);
  const phases = trace.phases.map((phase) => ({ ...phase, start: phase.start_s - first, end: phase.end_s - first }));
  const line = { type: "scatter", mode: "lines", x: time, hoverinfo: "skip" };
  return {
    title: "Power over the run, accelerator scope",
    data: [
      { ...line, meta: { role: "least" }, y: trace.least_w, line: { width: 0, shape: "hv", color: "--rule-strong" } },
      {
        ...line,
        meta: { role: "most" },
        y: trace.most_w,
        fill: "tonexty",
        fillcolor: "--rule",
        line: { width: 0, shape: "hv", color: "--rule-strong" },
      },
      {
        ...line,
        meta: { role: "power" },
        y: trace.power_w,
        hoverinfo: "text",
        hovertext: time.map((t, at) => hover(t, trace, at, phases)),
        line: { width: 1.5, shape: "hv", color: "--ink" },
      },
    ],
    layout: {
      margin: { l: 64, r: 16, t: 28, b: 48 },
      xaxis: { title: { text: "Seconds since the first phase began" }, rangemode: "tozero" },
      yaxis: { title: { text: "Power" }, ticksuffix: `${SPACE}W`, range: [0, most * 1.08 || 1] },
      shapes: phases.flatMap(mark),
      annotations: phases.filter((phase) => hasRoom(phase, time)).map(label),
    },
  };
}

function hover(t, trace, at, phases) {
  const within = phases.find(({ start, end }) => start <= t && t <= end);
  const range = `${watts(trace.least_w[at])} to ${watts(trace.most_w[at])}`;
  return `${t.toFixed(1)}${SPACE}s${within ? `, ${within.name}` : ""}<br>${watts(trace.power_w[at])} (${range})`;
}

// A band over the plot in the phase's colour, and a line where it begins; the label is its name.
function mark({ phase, start, end }) {
  const place = { xref: "x", yref: "paper", layer: "above" };
  return [
    { ...place, type: "rect", x0: start, x1: end, y0: 1, y1: 1.035, fillcolor: `--${phase}`, line: { width: 0 } },
    { ...place, type: "line", x0: start, x1: start, y0: 0, y1: 1, line: { color: `--${phase}`, width: 1.5, dash: "dot" } },
  ];
}

const LETTER_PX = 6;
const MARGINS_PX = 110;
const GREATEST_WIDTH_PX = 1240;

/** Whether a phase's name fits above it. */
function hasRoom({ name, start, end }, time) {
  const plotPx = Math.min(innerWidth, GREATEST_WIDTH_PX) - MARGINS_PX;
  return ((end - start) / (time.at(-1) || 1)) * plotPx > name.length * LETTER_PX;
}

const label = ({ name, start, end }) => ({
  text: name,
  x: (start + end) / 2,
  y: 1.035,
  xref: "x",
  yref: "paper",
  yanchor: "bottom",
  showarrow: false,
  font: { size: 11, color: "--ink-soft" },
});
