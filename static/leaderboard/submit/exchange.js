/** What the page asks the site: the text with the form's changes, the form of the text, the errors, a check. */

import { inTurn } from "./turns.js";

const MOST_WAIT_MS = 60_000;

export function exchange(form, text) {
  const part = (id) => document.getElementById(id);
  let latest = 0;
  let schema = null;
  let checked = ""; // what the shown check is of

  const question = () => [text.get(), form.elements.hardware.value, form.elements.mode.value].join("\n");
  const body = (action) => {
    const data = new FormData(form);
    data.delete("upload");
    if (action) data.set("action", action);
    return data;
  };

  /** What the site answers, read as `kind` (json, text), or null with a word on why there is none. */
  async function ask(address, data, kind) {
    try {
      const answer = await fetch(address, { method: "POST", body: data, signal: AbortSignal.timeout(MOST_WAIT_MS) });
      if (answer.redirected) say("You are signed out, so that nothing is checked. Sign in in another tab; your text stays here.");
      else if (answer.ok || answer.status === 429) return { isEarly: !answer.ok, found: await answer[kind]() };
      else say("The recipe could not be checked. It is checked again with your next change.");
    } catch {
      say("The site can't be reached, so that nothing is checked. Your text stays here.");
    }
    return null;
  }

  const say = (sentence) => {
    const notice = document.createElement("p");
    notice.className = "notice notice-warning";
    notice.textContent = sentence;
    part("faults").replaceChildren(notice);
  };

  /** Writes the form's changes and one action into the text, and shows both again with what is wrong. */
  const update = inTurn(askOnce);

  async function askOnce(action) {
    const turn = ++latest;
    const sent = text.get();
    const data = body(action);
    const answer = await ask(form.dataset.draft, data, "json");
    if (!answer || turn !== latest) return undefined;
    const { isEarly, found } = answer;
    if (isEarly) {
      if (action) say("The site asks for a pause. Your change follows by itself.");
      await new Promise((resolve) => setTimeout(resolve, 1000 * (found.wait_s ?? 1)));
      return turn === latest ? askOnce(action) : undefined;
    }
    if (text.get() !== sent) return askOnce(action); // somebody has gone on writing
    const before = titles();
    showForm(found.form, data, action);
    text.set(found.document);
    text.showFaults(found.faults);
    replace(part("faults"), found.errors);
    replace(part("wait"), found.wait);
    if (found.note) say(found.note);
    if (checked !== question()) part("forecast").replaceChildren();
    latest += 1; // what the change of the text has started asks for the same
    return { before, after: titles() };
  }

  const titles = () => Array.from(part("short-form").querySelectorAll(".phase-card h4"), (title) => title.textContent);

  async function check() {
    const button = part("check");
    button.setAttribute("aria-busy", "true");
    await update(); // so that the text has what was typed in the form
    checked = question();
    const answer = await ask(form.dataset.check, body("check"), "text");
    button.removeAttribute("aria-busy");
    if (!answer || answer.isEarly) return;
    part("wait").replaceChildren();
    replace(part("forecast"), answer.found);
  }

  const shown = new WeakMap();
  function replace(element, html) {
    if (shown.get(element) === html.trim()) return;
    shown.set(element, html.trim());
    element.innerHTML = html;
  }

  /** The form again, with the focus and with what is typed in it and was not sent. */
  function showForm(html, sent, action) {
    const old = part("short-form");
    const { id, value } = document.activeElement ?? {};
    const isInForm = old.contains(document.activeElement);
    const typed = new Map();
    for (const field of old.querySelectorAll("[name^='set:']")) {
      if (field.value !== sent.get(field.name)) typed.set(field.name, field.value);
    }
    const technique = form.elements.technique?.value;
    replace(old, html);
    for (const [field, kept] of typed) if (form.elements[field]) form.elements[field].value = kept;
    if (technique && form.elements.technique) form.elements.technique.value = technique;
    if (isInForm && !old.contains(document.activeElement)) focusAgain(old, id, action, value);
    if (schema) fillArchitectures();
  }

  /** The same field or button; or a button of the card that was moved, which has another place now. */
  function focusAgain(within, id, action, value) {
    const [verb, of] = action.split(":");
    const place = Number(of) + { up: -1, down: 1 }[verb];
    const wanted = action ? [`${verb}:${place}`, `up:${place}`, `down:${place}`] : [value];
    const buttons = wanted.map((name) => within.querySelector(`button[value="${CSS.escape(name)}"]:enabled`));
    ((id && part(id)) || buttons.find(Boolean) || part("id_technique"))?.focus();
  }

  async function listArchitectures() {
    schema ??= fetch(form.dataset.schema).then((answer) => answer.json());
    await fillArchitectures();
  }

  async function fillArchitectures() {
    const list = part("architectures");
    const names = (await schema).$defs?.Architecture?.enum ?? [];
    if (list && !list.options.length) list.append(...names.map((name) => new Option(name, name)));
  }

  return { update, check, listArchitectures };
}
