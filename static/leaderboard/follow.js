/**
 * Pages about an entry or a few follow their form without a reload: what depends on the usage intensity alone while the
 * slider moves, and the rest, which the server writes, once it rests. The form works without this.
 */

import { images } from "./format.js";

// Each press of an arrow key is a change of its own; one history entry is enough for several.
const REST_MS = 300;

const form = document.getElementById("usage-form");
const slider = document.getElementById("usage_slider");
const number = document.getElementById("usage_intensity");
const words = document.getElementById("usage_words");
const fault = document.getElementById("usage-fault");
const announcement = document.getElementById("usage-announcement");
let shown = location.search;
let asking = null; // the request under way
let resting = 0;

function moveSlider() {
  const exponent = Math.log10(Number(number.value));
  if (Number.isFinite(exponent)) slider.value = String(exponent);
  slider.setAttribute("aria-valuetext", words.textContent);
}

/** The form as an address, without what the server takes for granted. */
function address() {
  const given = new URLSearchParams();
  const usual = { usage_intensity: 1e6, shared_by: 1, pue: 1 };
  for (const [name, value] of new FormData(form)) {
    const text = value.trim();
    const { dataset } = form.elements[name];
    if (name === "was" || text === "" || text === dataset?.default || Number(text) === usual[name]) continue;
    given.append(name, text);
  }
  const query = given.toString();
  return query ? `?${query}` : "";
}

/** Take what depends on the form from the page that the server makes of it. */
async function settle() {
  const wanted = address();
  asking?.abort();
  if (wanted === shown) return;
  asking = new AbortController();
  let answer = null;
  try {
    // What can't be read stays as it is in the view that is shown.
    const was = `${wanted ? "&" : "?"}was=${encodeURIComponent(shown.slice(1))}`;
    answer = await fetch(location.pathname + wanted + was, { signal: asking.signal, headers: { Accept: "text/html" } });
  } catch (error) {
    if (error.name !== "AbortError") form.submit();
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.getElementById("usage-form") === null) {
    form.submit(); // the reader sees what the server says instead
    return;
  }
  const refused = page.querySelector("[data-notice]");
  fault.hidden = refused === null;
  fault.textContent = refused?.textContent ?? "";
  for (const line of form.querySelectorAll(".field-error")) {
    line.textContent = page.getElementById(line.id).textContent;
    form.elements[line.id.replace("-error", "")].setAttribute("aria-invalid", String(line.textContent !== ""));
  }
  if (refused !== null) return; // the last good answer stays
  for (const part of document.querySelectorAll("[data-follows]")) {
    const fresh = page.getElementById(part.id);
    if (fresh) part.replaceWith(document.importNode(fresh, true));
  }
  for (const id of ["usage_words", "assumptions-words", "price-words", "price-source"]) {
    document.getElementById(id).textContent = page.getElementById(id).textContent;
  }
  announcement.textContent = document.querySelector(".headline, #verdict, #lines h2")?.innerText ?? "";
  number.value = page.getElementById("usage_intensity").value;
  moveSlider();
  shown = wanted;
  history.pushState(null, "", location.pathname + wanted);
  const given = page.getElementById("chart-data");
  if (given) document.dispatchEvent(new CustomEvent("usagechanged", { detail: JSON.parse(given.textContent) }));
}

/* What an entry's page says of its own figures, while the slider moves */

let own = null;

async function drawOwn() {
  if (document.querySelector("[data-figure]") === null) return;
  own ??= Promise.all([import("./ranking.js"), import("./rows.js"), import("./cost.js")]);
  const [{ rank }, { figures }, { readPrice }] = await own;
  const [entry] = JSON.parse(document.getElementById("chart-data").textContent).own;
  const usageIntensity = Number(number.value);
  const sharedBy = Number(form.elements.shared_by.value);
  const pue = Number(form.elements.pue.value);
  const { price, isPrice } = readPrice(form);
  if (!(usageIntensity > 0 && sharedBy >= 1 && pue >= 1 && isPrice)) return;
  const [place] = rank([entry], usageIntensity, { sharedBy, includeIncomplete: true });
  const gramsPerKwh = Number(form.elements.region.selectedOptions[0].dataset.intensity);
  const texts = figures(entry, place, { usageIntensity, sharedBy, pue, gramsPerKwh, price });
  for (const element of document.querySelectorAll("[data-figure]")) {
    if (element.dataset.figure === "bar") drawBar(element, texts);
    else element.textContent = texts[element.dataset.figure];
  }
}

function drawBar(element, { bar, bar_label: label }) {
  element.setAttribute("aria-label", label);
  bar.forEach(({ width }, index) => (element.children[index].style.width = width));
}

form.addEventListener("input", ({ target }) => {
  if (target !== slider) return;
  number.value = String(Number((10 ** Number(slider.value)).toPrecision(3)));
  words.textContent = images(Number(number.value));
  slider.setAttribute("aria-valuetext", words.textContent);
  requestAnimationFrame(drawOwn);
});

form.addEventListener("change", ({ target }) => {
  clearTimeout(resting);
  if (target === slider) resting = setTimeout(settle, REST_MS);
  else settle();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  settle();
});
addEventListener("popstate", () => {
  if (location.search !== shown) location.reload();
});

addEventListener("beforeprint", () => {
  document.querySelector(".printed-address").textContent = location.href;
});

moveSlider();
