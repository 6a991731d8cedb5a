/**
 * Pointing and choosing: the entry that is pointed at, in the table or in a chart, stands out in all of them. Charts
 * bring this with them, for without one the table has nothing to agree with.
 */

const body = document.getElementById("rows"); // of the table; null on pages without one
let pointed = null;
const followers = new Set();

/** The reader points at this entry, null for none. */
function point(entry) {
  if (entry === pointed) return;
  pointed = entry;
  markRows();
  for (const mark of followers) mark(pointed);
}

function markRows() {
  for (const row of body?.children ?? []) row.classList.toggle("is-pointed", Number(row.dataset.entry) === pointed);
}

if (body) {
  const entryOf = ({ target }) => Number(target.closest("tr")?.dataset.entry) || null;
  for (const kind of ["pointerover", "focusin"]) body.addEventListener(kind, (event) => point(entryOf(event)));
  for (const kind of ["pointerleave", "focusout"]) body.addEventListener(kind, () => point(null));
  // Rows are filled with other entries.
  document.addEventListener("boarddrawn", markRows);
  document.getElementById("board-window").addEventListener("scroll", markRows, { passive: true });
}

const keyOf = ({ customdata, data }) => customdata ?? data.meta?.entry ?? null;
const choose = (entries, isWanted) =>
  document.dispatchEvent(new CustomEvent("entrychosen", { detail: { entries, isWanted } }));

/** Follow the pointer over a chart that Plotly has drawn. `marked` is called with the entry that is pointed at. */
export function followPointer(element, marked) {
  element.on("plotly_hover", ({ points: [first] }) => point(keyOf(first)));
  element.on("plotly_unhover", () => point(null));
  element.on("plotly_click", ({ points: [first] }) => keyOf(first) !== null && choose([keyOf(first)]));
  element.on("plotly_selected", (selected) => {
    const entries = (selected?.points ?? []).map(keyOf).filter((key) => key !== null);
    if (entries.length > 0) choose([...new Set(entries)], true);
  });
  followers.add(marked);
}

/** Make an entry's line, point or bars stand out, with its name; null for none. */
export function markEntry(element, figure, entry) {
  for (const old of element.querySelectorAll(".is-pointed")) old.classList.remove("is-pointed");
  element.querySelector(".chart-pointed")?.remove();
  if (entry === null) return;
  let place = null;
  for (const group of element.querySelectorAll(".trace")) {
    const trace = element.data[group.__data__?.[0]?.trace.index];
    if (trace?.meta?.entry === entry) {
      group.classList.add("is-pointed");
      place ??= placeOnLine(trace, figure.marker);
    }
    for (const node of group.querySelectorAll(".point")) {
      const number = node.__data__?.i;
      if (trace?.customdata?.[number] !== entry) continue;
      node.classList.add("is-pointed");
      place ??= { x: trace.x[number], y: trace.y[number] };
    }
  }
  if (place !== null) name(element, figure.nameOf?.(entry) ?? "", place);
}

/** Where a line is at the reader's usage intensity; at its end if it does not reach there. */
function placeOnLine({ x, y }, marker) {
  const at = x.findIndex((value) => value >= marker);
  const position = at < 0 ? x.length - 1 : at;
  return { x: x[position], y: y[position] };
}

function name(element, text, { x, y }) {
  const { xaxis, yaxis } = element._fullLayout;
  const label = Object.assign(document.createElement("i"), { className: "chart-pointed", textContent: text });
  element.append(label);
  const left = Math.min(xaxis._offset + xaxis.d2p(x) + 10, element.clientWidth - label.offsetWidth - 4);
  const top = yaxis._offset + yaxis.d2p(y) - label.offsetHeight - 8;
  Object.assign(label.style, { left: `${Math.max(0, left)}px`, top: `${Math.max(0, top)}px` });
}
