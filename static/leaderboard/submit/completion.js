/** Completion out of the recipe's JSON Schema: the fields of the part that the cursor is in, and their values. */

const WORD = /[\w.:-]/;
const LINE = /^(\s*)((?:- +)*)(?:([\w-]+)(:(?:\s+|$))?)?(.*)$/;

/** A completer of Ace. The schema is fetched when it is first needed. */
export function completer(address) {
  let schema = null;
  const self = {
    identifierRegexps: [WORD],
    async getCompletions(editor, session, { row, column }, prefix, callback) {
      try {
        schema ??= fetch(address).then((answer) => answer.json());
        const words = completions(await schema, session.doc.getAllLines(), row, column);
        callback(null, words.map((word) => ({ ...word, completer: self })));
      } catch {
        schema = null;
        callback(null, []);
      }
    },
    /** Ace takes away as many letters as its list was filtered by, which is behind a hand that types fast. */
    insertMatch(editor, { value }) {
      const { row, column } = editor.getCursorPosition();
      const line = editor.session.getLine(row);
      let start = column;
      while (start > 0 && WORD.test(line[start - 1])) start -= 1;
      editor.session.remove({ start: { row, column: start }, end: { row, column } });
      editor.execCommand("insertstring", value);
    },
  };
  return self;
}

/** What may be written at the cursor. */
export function completions(schema, lines, row, column) {
  const { path, key } = placeOf(lines, row, column);
  let at = schema;
  for (const step of path) at = step.items ? itemsOf(schema, at, step.technique) : propertyOf(schema, at, step.name);
  if (!at) return [];
  return key === null ? fieldsOf(schema, at) : valuesOf(schema, propertyOf(schema, at, key));
}

/** The parts that the cursor is in, from the outside, and the field whose value it is in, null at a field's name. */
export function placeOf(lines, row, column) {
  const [, space, dashes, name, colon] = LINE.exec(lines[row].slice(0, column));
  const key = colon ? name : null;
  const path = [];
  let indent = space.length + dashes.length;
  if (dashes) path.unshift({ items: true, technique: techniqueOf(lines, row, indent) });
  let limit = dashes ? space.length + 1 : indent; // a parent begins before this column
  for (let above = row - 1; above >= 0 && indent > 0; above -= 1) {
    const line = lines[above];
    if (!line.trim() || line.trim().startsWith("#")) continue;
    const [, before, dash, field, ends, rest] = LINE.exec(line);
    const start = before.length + dash.length;
    if (start < limit && field && ends && !rest.trim()) {
      path.unshift({ name: field });
      indent = limit = start;
    }
    if (dash && start <= indent && before.length < limit) {
      path.unshift({ items: true, technique: techniqueOf(lines, above, start) });
      limit = before.length + 1;
      indent = Math.max(before.length, 1);
    }
  }
  return { path, key };
}

/** The technique of the phase that begins in a line. */
function techniqueOf(lines, first, indent) {
  for (let row = first; row < lines.length; row += 1) {
    const [, space, dashes] = LINE.exec(lines[row]);
    const start = space.length + dashes.length;
    if (row > first && lines[row].trim() && (start < indent || dashes)) break;
    const found = /^[\s-]*technique:\s*(\w+)/.exec(lines[row]);
    if (found && start === indent) return found[1];
  }
  return null;
}

/** A part without references, the null of an optional one left out. */
function resolved(schema, part) {
  if (!part) return null;
  if (part.$ref) return resolved(schema, { ...schema.$defs[part.$ref.split("/").pop()], ...without(part, "$ref") });
  if (part.oneOf && !part.discriminator) {
    // Several forms without a discriminator: the fields of all, as the first has them.
    const forms = part.oneOf.map((one) => resolved(schema, one)?.properties ?? {});
    return { ...without(part, "oneOf"), properties: { ...Object.assign({}, ...forms), ...forms[0] } };
  }
  const some = part.anyOf?.filter((one) => one.type !== "null");
  return some?.length === 1 ? resolved(schema, { ...some[0], ...without(part, "anyOf") }) : part;
}

const without = (part, name) => Object.fromEntries(Object.entries(part).filter(([key]) => key !== name));

function propertyOf(schema, part, name) {
  const found = resolved(schema, part);
  if (found?.oneOf) return resolved(schema, { enum: Object.keys(found.discriminator?.mapping ?? {}) });
  return resolved(schema, found?.properties?.[name]);
}

function itemsOf(schema, part, technique) {
  const items = resolved(schema, resolved(schema, part)?.items);
  const $ref = technique && items?.discriminator?.mapping?.[technique];
  return $ref ? resolved(schema, { $ref }) : items;
}

function fieldsOf(schema, part) {
  const found = resolved(schema, part);
  const names = found?.oneOf ? [["technique", {}]] : Object.entries(found?.properties ?? {});
  return names.map(([name, field], number) => ({
    caption: name,
    value: `${name}: `,
    meta: found?.required?.includes(name) ? "required" : "field",
    docText: resolved(schema, field)?.description ?? "",
    score: 1000 - number,
  }));
}

function valuesOf(schema, part) {
  const found = resolved(schema, part);
  const values = found?.enum ?? (found && "const" in found ? [found.const] : found?.type === "boolean" ? [true, false] : []);
  return values.map((value, number) => ({ caption: String(value), value: String(value), meta: "value", score: 1e5 - number }));
}
