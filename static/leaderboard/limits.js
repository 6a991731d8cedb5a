/** Limits on an entry's figures, read from the form. Amounts as leaderboard/domain/constraints.py reads them. */

const MOST_AMOUNT = 1e18;
const COUNTS = { "": 0, k: 3, thousand: 3, m: 6, million: 6, g: 9, b: 9, billion: 9, t: 12, trillion: 12 };
const TIMES = { "": 0, ms: 0, s: 3, us: -3, µs: -3 };
const BYTES = { "": 0, b: 0, kb: 3, mb: 6, gb: 9, tb: 12 };
const UNITS = { count: COUNTS, time: TIMES, memory: BYTES };
const BINARY = { kib: 1, mib: 2, gib: 3, tib: 4 };
const TYPED = /^(\d+(?:[.,]\d*)?|[.,]\d+)(?:e([+-]?\d{1,3}))?\s*([a-zµ]*)$/i;
const GROUPED = /\d{1,3}(?:,\d{3})+(?!\d)/;

/** A limit as people write it, in the unit of its figure; NaN if it can't be read. */
export function parseAmount(text, kind) {
  const plain = text.trim().replace(GROUPED, (groups) => groups.replaceAll(",", ""));
  const [, digits, exponent, typed] = TYPED.exec(plain) ?? [];
  const unit = typed?.toLowerCase();
  const binary = kind === "memory" && Object.hasOwn(BINARY, unit) ? BINARY[unit] : null;
  if (digits === undefined || !(binary !== null || Object.hasOwn(UNITS[kind], unit))) return NaN;
  const power = Number(exponent ?? 0) + (binary === null ? UNITS[kind][unit] : 0);
  const amount = Number(`${digits.replace(",", ".")}e${power}`) * 1024 ** (binary ?? 0);
  return amount > 0 && amount <= MOST_AMOUNT ? amount : NaN;
}

/** The fields of the limits, in the order of the form. */
export const limitFields = [...document.querySelectorAll("[data-limit]")];

const limitOf = (field) => (field.value.trim() ? parseAmount(field.value, field.dataset.amount) : null);

/** Each limit that is typed: {name, figure, isLeast, limit}, NaN if it can't be read. */
export function readLimits() {
  return limitFields
    .map((field) => ({
      name: field.name,
      figure: field.dataset.figure,
      isLeast: field.dataset.limit === "min",
      limit: limitOf(field),
    }))
    .filter(({ limit }) => limit !== null);
}

/** Whether the entry at an index of the columns keeps a limit. Without the figure it does not. */
export function keeps(columns, { figure, isLeast, limit }, index) {
  const value = columns[figure][index];
  return value !== null && (isLeast ? value >= limit : value <= limit);
}
