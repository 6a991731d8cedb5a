/** Power over two runs as one figure for Plotly: watts over the seconds since each one's first phase began. */

import { SPACE, si } from "../format.js";

const COLOURS = ["--accent", "--focus"];

/** `traces`: answers of /runs/<id>/power.json, each with the `name` of its run. */
export function powersFigure(traces) {
  const most = Math.max(0, ...traces.flatMap((trace) => trace.power_w));
  return {
    title: `Power over ${traces.map(({ name }) => name).join(" and ")}, accelerator scope`,
    data: traces.map(line),
    layout: {
      margin: { l: 64, r: 16, t: 40, b: 48 },
      xaxis: { title: { text: "Seconds since the first phase began" }, rangemode: "tozero" },
      yaxis: { title: { text: "Power" }, ticksuffix: `${SPACE}W`, range: [0, most * 1.08 || 1] },
      showlegend: true,
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
    },
  };
}

function line({ name, time_s, power_w, phases }, at) {
  const first = phases[0]?.start_s ?? time_s[0] ?? 0;
  const within = (t) => phases.find(({ start_s, end_s }) => start_s <= t && t <= end_s)?.name;
  return {
    type: "scatter",
    mode: "lines",
    name,
    meta: { role: "power" },
    x: time_s.map((t) => t - first),
    y: power_w,
    line: { width: 1.5, shape: "hv", color: COLOURS[at], dash: at ? "dot" : "solid" },
    hoverinfo: "text",
    hovertext: time_s.map(
      (t, i) => `${name}: ${si(power_w[i], "W")}<br>${(t - first).toFixed(1)}${SPACE}s${within(t) ? `, ${within(t)}` : ""}`,
    ),
  };
}
