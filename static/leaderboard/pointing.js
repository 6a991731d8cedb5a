/** Which entry the reader points at, in the table or in a chart: the table and the charts show the same one. */

let pointed = null;

export const isPointed = (entry) => entry === pointed;

/** The reader points at this entry, null for none. */
export function point(entry) {
  if (entry === pointed) return;
  pointed = entry;
  document.dispatchEvent(new CustomEvent("entrypointed", { detail: { entry } }));
}

/** Rows under the pointer, or with the focus, are pointed at; a row of an entry that is pointed at elsewhere is marked. */
export function watch(body) {
  const entryOf = ({ target }) => Number(target.closest("tr")?.dataset.entry) || null;
  body.addEventListener("pointerover", (event) => point(entryOf(event)));
  body.addEventListener("pointerleave", () => point(null));
  body.addEventListener("focusin", (event) => point(entryOf(event)));
  body.addEventListener("focusout", () => point(null));
  document.addEventListener("entrypointed", ({ detail }) => {
    for (const row of body.children) row.classList.toggle("is-pointed", Number(row.dataset.entry) === detail.entry);
  });
}
