/** Modules that only some readers need, fetched when they do. */

const modules = new Map();

/** The module, or undefined until it is here; then `ready` runs. A failure is not kept: the next call tries again. */
export function needed(name, fetchModule, ready) {
  const found = modules.get(name);
  if (found) return found instanceof Promise ? undefined : found;
  const coming = fetchModule().then(
    (module) => {
      modules.set(name, module);
      ready();
    },
    () => modules.delete(name),
  );
  modules.set(name, coming);
  return undefined;
}
