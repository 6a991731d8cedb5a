/** The controls of the usage intensity: the slider, the number, and a rate over a lifetime, which follow each other. */

import { forgetRate, numberInForce, usageOfRate } from "./controls.js";
import { images } from "./format.js";

const slider = document.getElementById("usage_slider");
const number = document.getElementById("usage_intensity");

export function setUsage(value) {
  number.value = String(value);
  moveSlider();
}

/** The slider follows the number. */
export function moveSlider() {
  const usageIntensity = numberInForce("usage_intensity");
  slider.value = String(Math.log10(usageIntensity));
  slider.setAttribute("aria-valuetext", images(usageIntensity));
}

/** One of them was changed: the others follow. */
export function takeUsage(target) {
  if (target === slider) {
    number.value = String(Number((10 ** Number(slider.value)).toPrecision(3)));
    slider.setAttribute("aria-valuetext", images(Number(number.value)));
  }
  if (target === number) moveSlider();
  if (target === slider || target === number) forgetRate();
  if (!target.matches("#rate, #per, #years")) return;
  const usageIntensity = usageOfRate();
  if (usageIntensity > 0) setUsage(usageIntensity);
}

