/** For every page: copy buttons, and changes of state announced once to screen readers. */

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.innerText.trim());
    button.textContent = "Copied";
  } catch {
    // No clipboard without HTTPS: select the text, so that one key press copies it.
    getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
});

document.addEventListener("htmx:afterSwap", () => {
  const announcement = document.getElementById("announcement");
  const state = document.querySelector("[data-announce]")?.dataset.announce;
  if (announcement && state && announcement.textContent !== state) announcement.textContent = state;
});
