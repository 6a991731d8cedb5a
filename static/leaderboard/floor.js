/** The quality floor in force, and the links that change it or show evaluated qualities alone. */

import { addressOf, parameters } from "./controls.js";
import { write } from "./draw.js";
import { SPACE, floorPercent } from "./format.js";

const form = document.getElementById("controls");
const floor = form.elements.min_quality;
const below = document.getElementById("below-floor");
const floorLink = document.getElementById("floor-link");
const evaluatedLink = document.getElementById("evaluated-link");
const boxes = [...form.querySelectorAll("input[name=quality_by]")];

/** How many entries are below it; empty if none is. */
function belowWords(count) {
  if (count === 0) return "";
  return `${count.toLocaleString("en-US")} ${count === 1 ? "entry is" : "entries are"} below the floor. `;
}

/** What the link does: remove the floor, or put the track's back. */
function floorLinkWords({ minQuality, defaultFloor }) {
  return minQuality > 0 ? "Rank every entry" : `Rank only models at ≥${SPACE}${floorPercent(defaultFloor)}`;
}

const isEvaluatedOnly = () => boxes.every((box) => box.checked === (box.value === "evaluated"));

/** Write how many entries are below the floor, and where the links lead. */
export function drawFloor(query, belowFloor) {
  write(below, belowWords(belowFloor));
  write(floorLink, floorLinkWords(query));
  const address = parameters();
  address.delete("min_quality");
  if (query.minQuality > 0) address.set("min_quality", "0");
  floorLink.setAttribute("href", addressOf(address));
  const others = parameters();
  others.delete("quality_by");
  if (isEvaluatedOnly()) evaluatedLink.setAttribute("aria-current", "true");
  else {
    evaluatedLink.removeAttribute("aria-current");
    others.set("quality_by", "evaluated");
  }
  evaluatedLink.setAttribute("href", addressOf(others));
}

/** Do in the form what the address of a link says. */
export function takeLink(link) {
  const given = new URL(link.href).searchParams;
  if (link.dataset.sets === "floor") floor.value = given.get("min_quality") ?? "";
  else for (const box of boxes) box.checked = given.getAll("quality_by").includes(box.value);
}
