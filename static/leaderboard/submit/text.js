/** The recipe's text: at first in a textarea, then in an editor that keeps the textarea up to date. */

/** `attach` gives it to an editor with `set`, `goTo` and `showFaults`. */
export function plainText(textarea) {
  const listeners = [];
  let faults = [];
  let editor = null;
  const changed = () => listeners.forEach((listener) => listener());
  textarea.addEventListener("input", changed);
  return {
    textarea,
    get: () => textarea.value,
    /** Replaces the text. It is a change like any other, which can be undone in an editor. */
    set(value) {
      if (value === textarea.value) return;
      if (editor) editor.set(value);
      else {
        textarea.value = value;
        changed();
      }
    },
    /** Of an editor, when its text has changed. */
    took(value) {
      textarea.value = value;
      changed();
    },
    goTo(line) {
      if (editor) return editor.goTo(line);
      const before = textarea.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1);
      textarea.focus();
      textarea.setSelectionRange(before, before);
      return undefined;
    },
    /** Shows what is wrong, `{line, message}` each. */
    showFaults(found) {
      faults = found;
      textarea.setAttribute("aria-invalid", String(found.length > 0));
      editor?.showFaults(found);
    },
    onChange: (listener) => listeners.push(listener),
    attach(made) {
      editor = made;
      editor.showFaults(faults);
    },
  };
}
