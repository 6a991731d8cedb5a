/** The submit page: the form and the text are one recipe, checked as it is written, kept as a draft. */

import { keepDraft } from "./draft.js";
import { exchange } from "./exchange.js";
import { plainText } from "./text.js";

const PAUSE_MS = 400;

const form = document.getElementById("recipe-form");
const textarea = form.elements.document;
const text = plainText(textarea);
const site = exchange(form, text);
const draft = keepDraft(form, text);

let timer = 0;
const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(site.update, PAUSE_MS);
};

text.onChange(() => {
  draft.changed();
  soon();
});

form.addEventListener("change", ({ target }) => {
  if (target.type === "file") readFile(target);
  else if (target.name?.startsWith("set:") || target === form.elements.hardware || target === form.elements.mode) site.update();
});

// The buttons of the form's cards, and Enter in a field of it.
form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.line) text.goTo(Number(button.dataset.line));
  if (button?.name !== "action") return;
  event.preventDefault();
  if (button.value === "check") site.check();
  else site.update(button.value);
});

form.addEventListener("submit", () => draft.sent());

document.getElementById("short-form").addEventListener("focusin", ({ target }) => {
  if (target.getAttribute("list") === "architectures") site.listArchitectures();
});

async function readFile(input) {
  const [file] = input.files;
  if (!file || file.size > 64 * 1024) return; // the site says what is wrong with it
  text.set(await file.text());
  input.value = "";
}

// What the browser kept of the text when the page was reloaded.
if (textarea.value !== textarea.defaultValue) soon();

// The editor is large, and the page works without it.
const fetchEditor = async () => {
  const { richText } = await import("./editor.js");
  await richText(text, form.dataset);
  if (form.dataset.isStart === undefined || textarea.value !== textarea.defaultValue) site.update();
};
if (document.readyState === "complete") fetchEditor();
else addEventListener("load", () => setTimeout(fetchEditor));
