/** Keeps the text in this browser until it is submitted. Two tabs never overwrite each other's without a word. */

const TAB = crypto.randomUUID?.() ?? String(Math.random());

/** `changed`: the text was changed; `sent`: it was submitted. */
export function keepDraft(form, text) {
  const key = `recipe-draft-${form.dataset.owner}`;
  const notice = document.getElementById("draft-notice");
  const started = text.textarea.defaultValue;
  let known = read(); // what was stored when this tab last looked
  let isAsking = false;

  function read() {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  function write(more = {}) {
    known = { text: text.get(), tab: TAB, at: new Date().toISOString(), ...more };
    try {
      localStorage.setItem(key, JSON.stringify(known));
    } catch {
      // No room, or none allowed: the page works without.
    }
  }

  const isOthers = (stored) => stored && stored.tab !== TAB && stored.at !== known?.at;

  function changed() {
    if (isAsking) return;
    const stored = read();
    if (isOthers(stored) && stored.text !== text.get()) return elsewhere(stored);
    if (text.get() !== started || stored?.tab === TAB) write();
  }

  function sent() {
    if (!isAsking && !isOthers(read())) write({ sent: true });
  }

  /** Another tab has changed the draft: nothing is kept of this tab's until somebody decides. */
  function elsewhere(stored) {
    show(
      `Another tab has changed this draft at ${time(stored.at)}. Nothing of this tab is kept as the draft until you choose; both texts stay where they are.`,
      ["Keep the text of this tab", () => write()],
      ["Take the other tab's text", () => take(read() ?? stored)],
    );
  }

  function take(stored) {
    known = stored;
    text.set(stored.text);
  }

  function forget() {
    known = null;
    localStorage.removeItem(key);
  }

  /** Until a choice is made, nothing is kept, so that nothing is lost. */
  function show(sentence, ...choices) {
    isAsking = true;
    const words = document.createElement("p");
    words.textContent = sentence;
    const buttons = document.createElement("p");
    for (const [label, act] of choices) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "quiet", textContent: label });
      button.addEventListener("click", () => {
        isAsking = false;
        notice.replaceChildren();
        notice.className = "";
        act();
      });
      buttons.append(button, " ");
    }
    notice.className = "notice notice-warning";
    notice.replaceChildren(words, buttons);
  }

  const time = (at) => new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

  addEventListener("storage", (event) => {
    if (event.key !== key) return;
    const stored = read();
    if (!isOthers(stored)) return;
    // A tab in which nothing was written has nothing to lose.
    if (text.get() === started || text.get() === stored.text) known = stored;
    else elsewhere(stored);
  });

  if (form.dataset.isStart !== undefined && known && known.text !== text.get()) {
    show(
      known.sent
        ? `The recipe that you sent at ${time(known.at)} is still here.`
        : `Your draft of ${time(known.at)} was not submitted. It stays kept, and this text is not, until you choose.`,
      ["Go on with it", () => take(read() ?? known)],
      ["Forget it", forget],
    );
    isAsking = !known.sent;
  }
  return { changed, sent };
}
