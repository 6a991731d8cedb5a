/** What depends on the ranking's order: the control of τ, and titles, parts and the table of winners for each order; and
 * the assumptions in words. */

import { numberInForce } from "./controls.js";
import { write } from "./draw.js";
import { SPACE, weight } from "./format.js";
import { crossingsTitle, worth } from "./summary.js";

const slider = document.getElementById("accuracy_slider");
const box = document.getElementById("accuracy_weight");
const worthWords = document.getElementById("worth");
const reason = document.getElementById("why");
const winners = document.getElementById("crossings")?.closest("table");
const [sharedWords, pueWords, gridWords, gridIntensity, priceAssumed, region] = ["shared-words", "pue-words"]
  .concat("grid-words", "grid-intensity", "price-assumed", "region")
  .map((id) => document.getElementById(id));
let drawnOrder = "";

/** The slider or the box was moved: the other one follows. The slider ends at 20, the box goes on to 100. */
export function takeWeight(target) {
  if (target === slider) box.value = String(Number(slider.value));
  if (target === box) slider.value = String(numberInForce("accuracy_weight"));
  return target === slider || target === box;
}

/** Say the assumptions in a few words each, as presentation/controls.py does. */
export function drawAssumptions({ sharedBy, pue, gramsPerKwh }) {
  write(sharedWords, sharedBy === 1 ? "search not shared" : `search shared by ${weight(sharedBy)}`);
  write(pueWords, `PUE ${pue}`);
  write(gridWords, region.selectedOptions[0].text);
  write(gridIntensity, `${gramsPerKwh}${SPACE}g/kWh`);
  write(priceAssumed, document.getElementById("price-words").textContent || "no price");
}

/** Show what the order and its τ mean; `why`: the sentence that says why this entry wins. */
export function drawOrder(query, why) {
  const words = worth(query.accuracyWeight);
  write(worthWords, words);
  const spoken = `τ = ${weight(query.accuracyWeight)}: ${words}`;
  if (slider.ariaValueText !== spoken) slider.ariaValueText = spoken;
  write(reason, why);
  if (winners) write(winners.caption, crossingsTitle(query));
  if (drawnOrder === query.orderBy) return;
  drawnOrder = query.orderBy;
  for (const part of document.querySelectorAll("[data-only-by]")) part.hidden = part.dataset.onlyBy !== drawnOrder;
  for (const title of document.querySelectorAll("[data-by-energy]")) {
    write(title, drawnOrder === "energy" ? title.dataset.byEnergy : title.dataset.byGreenness);
  }
  if (winners) document.querySelector(`[data-winners-by="${drawnOrder}"]`).append(winners);
}
