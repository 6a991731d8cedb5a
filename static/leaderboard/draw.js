/** Writes rows, pages, the result in words and the table of winners into the page, touching only what changed. */

const SPEECH_DELAY_MS = 700;

const body = document.getElementById("rows");
const template = document.getElementById("row-template").content.firstElementChild;
const summaryLine = document.getElementById("summary");
const announcement = document.getElementById("announcement");
const pages = document.getElementById("pages");
const shownRows = new Map();
for (const node of body.children) shownRows.set(Number(node.dataset.entry), node);
let speech = 0;

/** One line a place, each kept and refilled, so that a tick touches only what changed. */
export function drawRows(rows) {
  const nodes = rows.map((row) => {
    let node = shownRows.get(row.entry);
    if (!node) {
      node = template.cloneNode(true);
      shownRows.set(row.entry, node);
    }
    fill(node, row);
    return node;
  });
  const isInOrder = nodes.length === body.children.length && nodes.every((node, index) => node === body.children[index]);
  if (!isInOrder) body.replaceChildren(...nodes);
}

function fill(node, row) {
  const slot = (name) => node.querySelector(`[data-slot="${name}"]`);
  const slots = (node.slots ??= Object.fromEntries(
    ["rank", "method", "family", "quality", "quality_note", "energy", "u95", "bar", "one_time", "per_image"]
      .concat("provenance", "metered")
      .map((name) => [name, slot(name)]),
  ));
  for (const [name, element] of Object.entries(slots)) if (name !== "bar") setText(element, row[name]);
  setAttribute(node, "data-entry", String(row.entry));
  setAttribute(slots.rank, "title", row.rank_title);
  setAttribute(slots.method, "href", row.url);
  setAttribute(slots.energy, "title", row.energy_title);
  setAttribute(slots.provenance, "class", `provenance provenance-${row.provenance}`);
  setAttribute(slots.bar, "aria-label", row.bar_label);
  setAttribute(slots.bar, "title", row.bar_label);
  while (slots.bar.childElementCount > row.bar.length) slots.bar.lastElementChild.remove();
  row.bar.forEach((segment, index) => {
    const part = slots.bar.children[index] ?? slots.bar.appendChild(document.createElement("i"));
    setAttribute(part, "class", `phase-${segment.phase}${segment.provenance === "missing" ? " is-missing" : ""}`);
    if (part.style.width !== segment.width) part.style.width = segment.width;
  });
}

/** Which rows are shown, and links to those before and after; `addressOf` gives a page's address. */
export function drawPages(total, page, lastPage, pageSize, addressOf) {
  pages.hidden = lastPage === 1;
  const first = total === 0 ? 0 : (page - 1) * pageSize + 1;
  setText(pages.querySelector("[data-slot=page]"), `${first}–${Math.min(total, page * pageSize)} of ${total}`);
  const targets = { prev: page - 1, next: page + 1 };
  for (const [name, target] of Object.entries(targets)) {
    const link = pages.querySelector(`[data-page=${name}]`);
    if (target >= 1 && target <= lastPage) setAttribute(link, "href", addressOf(target));
    else link.removeAttribute("href");
  }
}

/** The result in words; said aloud once the reader's hand is at rest. */
export function drawSummary(pieces) {
  const text = pieces.map((piece) => piece.text).join("");
  if (summaryLine.textContent.trim() === text) return;
  summaryLine.replaceChildren(
    ...pieces.map((piece) => {
      if (piece.url) return Object.assign(document.createElement("a"), { href: piece.url, textContent: piece.text });
      if (piece.strong) return Object.assign(document.createElement("strong"), { textContent: piece.text });
      return document.createTextNode(piece.text);
    }),
  );
  clearTimeout(speech);
  speech = setTimeout(() => setText(announcement, text), SPEECH_DELAY_MS);
}

/** Who wins where. */
export function drawCrossings(lines) {
  const target = document.getElementById("crossings");
  const signature = JSON.stringify(lines);
  if (target.dataset.signature === signature) return;
  target.dataset.signature = signature;
  if (lines.length === 0) {
    const cell = Object.assign(document.createElement("td"), { colSpan: 4 });
    cell.textContent = "No complete entry passes the filters.";
    const line = document.createElement("tr");
    line.append(cell);
    target.replaceChildren(line);
    return;
  }
  target.replaceChildren(
    ...lines.map((line) => {
      const node = document.createElement("tr");
      if (line.here) node.setAttribute("aria-current", "true");
      const link = Object.assign(document.createElement("a"), { href: line.url, textContent: line.method, dir: "auto" });
      const method = Object.assign(document.createElement("th"), { scope: "row" });
      method.append(link);
      const cell = (label, text, className) => {
        const made = Object.assign(document.createElement("td"), { textContent: text });
        if (className) made.className = className;
        made.dataset.label = label;
        return made;
      };
      const figures = [cell("One-time", line.one_time, "number"), cell("Per image", line.per_image, "number")];
      node.append(cell("Images", line.span), method, ...figures);
      return node;
    }),
  );
}

/** Mark the preset that the reader's usage intensity is. */
export function markPreset(usageIntensity) {
  for (const link of document.querySelectorAll("[data-usage]")) {
    const chosen = Number(link.dataset.usage) === usageIntensity;
    if (chosen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** Write only what changed: an unchanged node costs no layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
