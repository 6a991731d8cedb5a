/** The bar at the window's bottom: the chosen entries with their energies, and the way to their comparison. */

import { addressOf, parameters } from "./controls.js";
import { write } from "./draw.js";
import { SPACE, joules } from "./format.js";
import { oneTimeEnergyJ } from "./ranking.js";
import { useOf } from "./rows.js";

const bar = document.getElementById("compare-form");
const words = document.getElementById("choice-words");
const list = document.getElementById("choice-list");
const template = document.getElementById("choice-template").content.firstElementChild;
const most = document.getElementById("chosen").dataset.most;
let address = "";

/** Write the bar for these entries of the board. `isFull`: the reader has just chosen one more than there is room for. */
export function drawChoice(board, query, left, isFull) {
  bar.toggleAttribute("data-empty", left.length === 0);
  write(words, isFull ? `At most ${most} can be compared: remove one first.` : `${left.length} of ${most} chosen`);
  for (const item of [...list.children]) if (!left.includes(Number(item.dataset.entry))) leave(item);
  for (const [position, entry] of left.entries()) drawItem(position, board.byKey.get(entry), query, left);
  address = `${bar.getAttribute("action")}?${left.map((entry) => `entry=${entry}`).join("&")}${useOf(query, "&")}`;
}

/** Take a line out; the focus that it had goes to the one after it. */
function leave(item) {
  if (item.contains(document.activeElement)) {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    (next?.querySelector("a") ?? document.querySelector("#rows [tabindex='0']"))?.focus();
  }
  item.remove();
}

function drawItem(position, entry, query, entries) {
  const found = list.querySelector(`[data-entry="${entry.entry}"]`);
  const item = found ?? template.cloneNode(true);
  if (item !== list.children[position]) list.insertBefore(item, list.children[position] ?? null);
  item.dataset.entry = entry.entry;
  item.querySelector("input")?.remove();
  const [name, energy, remove] = ["span", "strong", "a"].map((tag) => item.querySelector(tag));
  write(name, entry.method);
  name.title = entry.method;
  const energyJ = oneTimeEnergyJ(entry, query.sharedBy) + query.usageIntensity * entry.inference_energy_j;
  write(energy, `${entry.complete ? "" : `≥${SPACE}`}${joules(energyJ)}`);
  if (remove.ariaLabel !== `Remove ${entry.method}`) remove.ariaLabel = `Remove ${entry.method}`;
  const wanted = parameters();
  const others = entries.filter((other) => other !== entry.entry);
  if (others.length > 0) wanted.set("chosen", others.join());
  else wanted.delete("chosen");
  remove.href = addressOf(wanted);
}

bar.addEventListener("submit", (event) => {
  if (!address) return;
  event.preventDefault();
  location.assign(address);
});
