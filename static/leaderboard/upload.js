/** Sends a file in parts, with a bar, and goes on where an earlier try of the same file ended. The site computes its
 * SHA-256: a browser can't do so without reading all of it into memory. */

const form = document.getElementById("upload");
const field = form.elements.file;
const part = (id) => document.getElementById(id);
const KINDS = { safetensors: "safetensors", onnx: "onnx", zip: "dataset" };
const TRIES = 8;
const LONGEST_WAIT_MS = 30_000;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  upload(field.files[0]).catch(() => refuse("The site can't be reached. Choose the file again later: what has arrived is kept."));
});

async function upload(file) {
  const kind = KINDS[file.name.split(".").pop().toLowerCase()];
  if (!kind) return refuse(`The file must end in ${Object.keys(KINDS).map((ending) => `.${ending}`).join(" or ")}, which says what it is.`);
  if (!file.size) return refuse("The file has no bytes. Choose another.");
  part("upload-fault").textContent = "";
  busy(true);
  try {
    const started = (await resumed(file)) ?? (await announced(file, kind));
    if (started) await send(file, started);
  } finally {
    busy(false);
  }
}

// The same bytes as far as a browser can tell: a file that was changed meanwhile has another time.
const keyOf = (file) => `upload:${file.name}:${file.size}:${file.lastModified}`;

async function resumed(file) {
  const id = remembered(keyOf(file));
  if (!id) return null;
  const answer = await ask(`/${id}`);
  const found = answer.ok ? await answer.json() : null;
  return found?.state === "receiving" ? found : null;
}

async function announced(file, kind) {
  const body = JSON.stringify({ kind, size: file.size, name: file.name.slice(0, 200) });
  const answer = await ask("", { method: "POST", body, headers: { "Content-Type": "application/json" } });
  if (!answer.ok) return void (await refuseWith(answer));
  const found = await answer.json();
  remember(keyOf(file), found.id);
  return found;
}

async function send(file, found) {
  const most = Number(form.dataset.partBytes);
  let at = found.received;
  let tries = 0;
  for (;;) {
    show(at, file.size);
    const body = file.slice(at, at + most);
    const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(at) };
    const answer = await ask(`/${found.id}`, { method: "PATCH", body, headers }).catch(() => null);
    if (answer?.ok) {
      const now = await answer.json();
      tries = 0;
      at = now.received;
      if (now.state === "stored") return finish(file);
    } else if (answer && answer.status < 500 && answer.status !== 409) {
      forget(keyOf(file));
      return refuseWith(answer);
    } else {
      // Cut off, or another request has sent this part: ask how much is here, and go on from there.
      if (++tries > TRIES) throw new Error("the site can't be reached");
      say(`The connection was lost; trying again (${tries} of ${TRIES}).`);
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, LONGEST_WAIT_MS)));
      const state = await ask(`/${found.id}`).catch(() => null);
      if (state?.ok) {
        const now = await state.json();
        at = now.received;
        if (now.state === "stored") return finish(file);
      }
    }
  }
}

function finish(file) {
  forget(keyOf(file));
  location.reload(); // the list has the file, with its SHA-256 and what was found in it
}

const ask = (path, more = {}) =>
  fetch(form.dataset.address + path, {
    ...more,
    headers: { ...more.headers, "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
  });

async function refuseWith(answer) {
  const found = await answer.json().catch(() => null);
  const faults = found?.errors?.map(({ field: name, message }) => `${name ? `${name}: ` : ""}${message}`);
  refuse(faults?.join("; ") ?? `The site answered ${answer.status}. Try again later.`);
}

function refuse(words) {
  part("upload-fault").textContent = words;
  part("upload-state").hidden = true;
  field.focus();
}

function show(at, size) {
  const percent = Math.floor((100 * at) / size);
  part("upload-state").hidden = false;
  part("upload-bar").value = at / size;
  part("upload-words").textContent = percent < 100 ? `${percent} % of the file has arrived` : "The file is being checked";
  if (percent % 25 === 0) say(`${percent} percent`);
}

const say = (words) => {
  part("upload-said").textContent = words;
};

function busy(is) {
  form.querySelector("button[type=submit]").disabled = is;
  field.disabled = is;
}

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function remember(key, id) {
  try {
    localStorage.setItem(key, id);
  } catch {
    // then an upload that was cut off begins again
  }
}

function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // nothing was kept
  }
}
