/** What opens and closes around the table: menus, help, and the words on how the page is read; and the key for search. */

const search = document.getElementById("search");
const guide = document.getElementById("guide");

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  if (event.key === "Escape") closeMenus();
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  search.focus();
});

function closeMenus(but = null) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu.contains(but)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

document.addEventListener("click", ({ target }) => {
  if (!target.closest("[popover]")) closeMenus(target);
});

// A click opens help without any script; what shows it sooner is fetched with the first word that has some.
for (const kind of ["pointerover", "focusin"]) {
  const fetchHelp = async (event) => {
    if (!event.target.closest("[data-help], .help")) return;
    document.removeEventListener(kind, fetchHelp);
    (await import("./help.js")).showHelp(event);
  };
  document.addEventListener(kind, fetchHelp);
}

document.getElementById("guide-read")?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  document.cookie = "guide=read; path=/; max-age=315360000; samesite=lax";
  guide.remove();
  document.getElementById("content").focus({ preventScroll: true });
});

/** Folds whose modules are fetched when they are first opened; `redraw` then draws what they show. */
export function fetchWhenOpened(redraw) {
  const modules = { range: () => import("./range.js"), constraints: () => import("./constraints.js") };
  for (const [name, load] of Object.entries(modules)) {
    const fold = document.getElementById(name);
    const open = () => load().then(redraw);
    if (fold.open) open();
    else fold.addEventListener("toggle", open, { once: true });
  }
}

/** Open or close the fold of a range as its fields say, after Back. */
export function restoreFolds() {
  document.getElementById("range").open = document.getElementById("n_from").value !== "";
}
