/** The price of electricity that the reader chose or typed, as leaderboard/forms/table_view.py and domain/cost.py. */

import { SPACE, number } from "./format.js";
import { plain } from "./rows.js";

const NUMBER = /^(\d+([.,]\d*)?|[.,]\d+)$/;
const THOUSANDS = /^\d+,\d{3}$/;
const CURRENCY = /^(\p{L}{1,12}|[^\p{L}\p{N}\s_<>&"'])$/u;
const MOST = 1e6;

/** A price per kWh: 0.25 or 0,25. null without one, NaN if it can't be read. */
export function parsePrice(text) {
  const typed = text.trim();
  if (typed === "") return null;
  const price = NUMBER.test(typed) && !THOUSANDS.test(typed) ? Number(typed.replace(",", ".")) : NaN;
  return price <= MOST ? price : NaN;
}

/** The form's price: {perKwh, currency}, null if there is none; what is typed; and which fields can't be read. */
export function readPrice(form) {
  const { price_region: region, price_per_kwh: own, currency } = form.elements;
  const typed = parsePrice(own.value);
  const sign = currency.value.trim();
  const chosen = region.selectedOptions[0].dataset;
  const isOwn = typed !== null;
  let price = null;
  if (isOwn) price = { perKwh: typed, currency: sign };
  else if (region.value) price = { perKwh: Number(chosen.price), currency: chosen.currency };
  return { price, typed, sign, isPrice: !Number.isNaN(typed), isCurrency: sign === "" || CURRENCY.test(sign) };
}

/** Grid, PUE and price as parameters of an address, those at their default left out. */
export function assumptions({ region, price_region: priceRegion }, pue, { typed, sign }) {
  const given = {
    region: region.value === region.dataset.default ? "" : region.value,
    pue: pue === 1 ? "" : plain(pue),
    price_region: priceRegion.value,
    price_per_kwh: typed === null ? "" : plain(typed),
    currency: encodeURIComponent(sign),
  };
  return Object.entries(given).flatMap(([name, value]) => (value === "" ? [] : [`${name}=${value}`]));
}

/** Say what a kWh costs, and whose figure that is. */
export function drawPrice(form, price) {
  const { price_region: region, price_per_kwh: own } = form.elements;
  const words = price === null ? "" : `${number(price.perKwh)}${SPACE}${price.currency}/kWh`.replace(`${SPACE}/`, "/");
  const source = price === null || own.value.trim() ? "" : region.selectedOptions[0].dataset.source;
  const written = { "price-words": words, "price-source": source };
  for (const [id, text] of Object.entries(written)) {
    const element = document.getElementById(id);
    if (element.textContent !== text) element.textContent = text;
  }
}
