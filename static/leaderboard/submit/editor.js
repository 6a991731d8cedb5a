/** The Ace editor in place of the textarea: lines with numbers, completion, errors next to their lines. */

import { completer } from "./completion.js";

const fetched = (tag, attributes) =>
  new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.addEventListener("load", resolve);
    element.addEventListener("error", reject);
    document.head.append(element);
  });

/** Fetches the editor's files and puts it in the place of the text's textarea, which stays as it is if that fails. */
export async function richText(text, { ace: scripts, aceStyle, schema }) {
  try {
    await fetched("link", { rel: "stylesheet", href: aceStyle });
    for (const src of scripts.split(" ")) await fetched("script", { src });
  } catch {
    return;
  }
  const { ace } = window;
  ace.config.set("useStrictCSP", true); // its styles come from files
  const { textarea } = text;
  const hadFocus = document.activeElement === textarea;
  const box = document.createElement("div");
  box.className = "recipe-ace";
  textarea.after(box);
  const editor = ace.edit(box, {
    value: textarea.value,
    useWorker: false,
    mode: "ace/mode/yaml",
    tabSize: 2,
    useSoftTabs: true,
    showPrintMargin: false,
    showFoldWidgets: false,
    highlightActiveLine: false,
    enableKeyboardAccessibility: true,
    textInputAriaLabel: "Recipe as text",
    enableBasicAutocompletion: [completer(schema)],
    enableLiveAutocompletion: true,
  });
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const dress = () => editor.setTheme({ cssClass: "ace-recipe", isDark: isDark.matches, cssText: "" });
  isDark.addEventListener("change", dress);
  dress();
  editor.textInput.getElement().setAttribute("aria-describedby", "editor-keys faults");
  document.querySelector(`label[for="${textarea.id}"]`)?.addEventListener("click", () => editor.focus());
  textarea.hidden = true;
  editor.session.on("change", () => text.took(editor.getValue()));
  text.attach(faces(ace, editor));
  if (hadFocus) editor.focus();
}

function faces(ace, editor) {
  const { session } = editor;
  const { LineWidgets } = ace.require("ace/line_widgets");
  const { Range } = ace.require("ace/range");
  session.widgetManager = new LineWidgets(session);
  session.widgetManager.attach(editor);
  let widgets = [];
  return {
    /** Changes only the lines that differ, so that the cursor stays and one undo takes it back. */
    set(value) {
      const old = session.doc.getAllLines();
      const lines = value.split("\n");
      const least = Math.min(old.length, lines.length);
      let before = 0;
      while (before < least - 1 && old[before] === lines[before]) before += 1;
      let after = 0;
      while (after < least - before - 1 && old.at(-1 - after) === lines.at(-1 - after)) after += 1;
      const last = old.length - 1 - after;
      const changed = new Range(before, 0, last, old[last].length);
      session.replace(changed, lines.slice(before, lines.length - after).join("\n"));
    },
    goTo(line) {
      editor.focus();
      editor.gotoLine(line, 0, false);
    },
    showFaults(faults) {
      const byRow = new Map();
      for (const { line, message } of faults) {
        const row = Math.min(Math.max(0, (line ?? 1) - 1), session.getLength() - 1);
        byRow.set(row, [...(byRow.get(row) ?? []), message]);
      }
      widgets.forEach((widget) => session.widgetManager.removeLineWidget(widget));
      widgets = [...byRow].map(([row, messages]) => widgetOf(row, messages));
      widgets.forEach((widget) => session.widgetManager.addLineWidget(widget));
      session.setAnnotations(
        [...byRow].map(([row, messages]) => ({ row, column: 0, type: "error", text: messages.join("\n") })),
      );
    },
  };
}

function widgetOf(row, messages) {
  const el = document.createElement("div");
  el.className = "line-fault";
  el.textContent = messages.join(" · ");
  return { row, el, fixedWidth: true, coverGutter: false };
}
