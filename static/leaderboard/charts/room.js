/** Finds room for the labels of points, so that none covers another, runs out of the plot, or hides a point. */

const FONT_PX = 12;
const LINE_PX = 16;
// As Plotly calls them; the first that is free is taken.
const PLACES = ["top left", "bottom right", "top right", "bottom left", "middle right", "middle left", "top center", "bottom center"];

/**
 * A place for each label, the most important first: those without room have none.
 *
 * @param {{x: number, y: number, widthPx: number, places?: string[]}[]} labels of a point, px from the plot's top left
 * @param {{width: number, height: number}} plot px
 * @param {{x: number, y: number}[]} points that labels rather leave free
 * @returns {(string|null)[]} one of Plotly's text positions
 */
export function findRoom(labels, plot, points = []) {
  const taken = [];
  return labels.map(({ x, y, widthPx, places = PLACES }) => {
    let best = null;
    for (const place of places) {
      const box = boxOf(place, x, y, widthPx);
      const isOutside = box.left < 0 || box.right > plot.width || box.top < 0 || box.bottom > plot.height;
      if (isOutside || taken.some((other) => overlap(box, other))) continue;
      const hidden = points.filter((point) => isWithin(point, box)).length;
      if (best === null || hidden < best.hidden) best = { place, box, hidden };
      if (hidden === 0) break;
    }
    if (best === null) return null;
    taken.push(best.box);
    return best.place;
  });
}

const AWAY_PX = 8; // from the point's middle to the text

function boxOf(place, x, y, widthPx) {
  const [row, column] = place.split(" ");
  const left = { left: x - AWAY_PX - widthPx, center: x - widthPx / 2, right: x + AWAY_PX }[column];
  const top = { top: y - AWAY_PX - LINE_PX, middle: y - LINE_PX / 2, bottom: y + AWAY_PX }[row];
  return { left, right: left + widthPx, top, bottom: top + LINE_PX };
}

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const isWithin = ({ x, y }, box) => x > box.left - 5 && x < box.right + 5 && y > box.top - 5 && y < box.bottom + 5;

/* In a figure */

let pen = null;

function textWidthPx(text, family) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `${FONT_PX}px ${family}`;
  return pen.measureText(text).width;
}

function onAxis({ type, range: [low, high] }, value) {
  return ((type === "log" ? Math.log10(value) : value) - low) / (high - low);
}

/**
 * The figure's data for a box of this size, with the labels for which there is room. A trace names its labels in
 * `labels`: {texts, order, places, weight}: one text a point ("" for none), its points' numbers by importance, where they
 * may be, and which trace comes first (the greatest weight).
 */
export function withRoom({ data, layout }, widthPx, heightPx, family) {
  if (!data.some((trace) => trace.labels)) return data;
  const { l, r, t, b } = layout.margin;
  const plot = { width: widthPx - l - r, height: heightPx - t - b };
  const at = (trace, point) => ({
    x: onAxis(layout.xaxis, trace.x[point]) * plot.width,
    y: (1 - onAxis(layout.yaxis, trace.y[point])) * plot.height,
  });
  const points = data
    .filter((trace) => trace.mode?.includes("markers"))
    .flatMap((trace) => trace.x.map((_, point) => at(trace, point)));
  const weightOf = ({ labels }) => labels?.weight ?? 0;
  const byWeight = [...data].sort((a, b) => weightOf(b) - weightOf(a));
  const wanted = byWeight.flatMap((trace) =>
    (trace.labels?.order ?? trace.labels?.texts.map((_, point) => point) ?? [])
      .filter((point) => trace.labels.texts[point])
      .map((point) => {
        const text = trace.labels.texts[point];
        return { trace, point, ...at(trace, point), widthPx: textWidthPx(text, family), places: trace.labels.places };
      }),
  );
  // Room beyond the plot's right edge belongs to the labels of lines that end there.
  const found = findRoom(wanted, { ...plot, width: plot.width + (layout.meta?.roomRightPx ?? 0) }, points);
  return data.map((trace) => {
    if (!trace.labels) return trace;
    const { labels, ...rest } = trace;
    const mine = new Map(wanted.map((label, position) => [label, found[position]]));
    const texts = trace.x.map(() => "");
    const textposition = trace.x.map(() => "top left");
    for (const [label, place] of mine) {
      if (label.trace !== trace || place === null) continue;
      texts[label.point] = labels.texts[label.point];
      textposition[label.point] = place;
    }
    return { ...rest, text: texts, textposition };
  });
}
