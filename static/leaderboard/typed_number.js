/** Numbers as people type them, as leaderboard/domain/typed_number.py reads them; the rules are there. */

const MOST_CHARACTERS = 80;
const SHOWN_CHARACTERS = 40;
const SIZES = {
  3: "k thousand thousands tsd tausend",
  5: "lakh lakhs",
  6: "m mn mln mio million millions millionen",
  7: "crore crores",
  9: "b g bn bln mrd billion billions milliard milliards milliarde milliarden",
  12: "t tn trillion trillions",
  15: "quadrillion quadrillions",
};
const SIZE_OF = new Map(Object.entries(SIZES).flatMap(([exponent, words]) => words.split(" ").map((word) => [word, exponent])));

const THOUSANDS = String.raw`[1-9]\d{0,2}`;
const COMMAS = String.raw`${THOUSANDS}(?:,\d{3})+(?:\.\d*)?|[1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d*)?`;
const OTHERS =
  String.raw`${THOUSANDS}(?:\.\d{3}){2,}|${THOUSANDS}(?:\.\d{3})+,\d*` +
  String.raw`|${THOUSANDS}(?: \d{3})+(?:[.,]\d*)?|${THOUSANDS}(?:'\d{3})+(?:[.,]\d*)?`;
const EITHER = new RegExp(String.raw`^${THOUSANDS}(?:[ ']\d{3})+[.,]\d{3}$`);
const PLAIN = String.raw`\d+(?:[.,]\d*)?|[.,]\d+`;
const SCALE =
  String.raw`(?:e ?(?<exponent>[+-]?\d{1,4})| ?[×x*·] ?10 ?(?:\^|\*\*) ?(?<power>[+-]?\d{1,4})| ?(?<size>[a-z]+)\.?)?`;
const NOUN = "images?|inferences?|requests?";
const written = (digits) => new RegExp(`^(?<sign>[+-]?) ?(?<digits>${digits})${SCALE}(?: (?:${NOUN}))?$`, "i");
const NUMBER = written(`${COMMAS}|${OTHERS}|${PLAIN}`);
const NUMBER_WITH_DECIMAL_COMMA = written(`${OTHERS}|${PLAIN}`);
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺";

/** The number that a text says, NaN if it says none, and then why, if more can be said than that. */
export function readNumber(text, { decimalComma = false } = {}) {
  const plain = plainly(text);
  const found = (decimalComma ? NUMBER_WITH_DECIMAL_COMMA : NUMBER).exec(plain)?.groups;
  const unread = (why) => ({ value: NaN, why });
  if (!found || plain.length > MOST_CHARACTERS) return unread(whyUnread(plain));
  const { sign, digits, exponent, power, size = "" } = found;
  if (size && !SIZE_OF.has(size.toLowerCase()) && !new RegExp(`^(${NOUN})$`, "i").test(size)) {
    return unread(`“${size}” is not a known size`);
  }
  if (EITHER.test(digits)) return unread("its last mark may divide thousands or be decimal");
  const scale = Number(exponent ?? power ?? SIZE_OF.get(size.toLowerCase()) ?? 0);
  return { value: Number(`${sign}${withPoint(digits, decimalComma)}e${scale}`), why: "" };
}

/** A typed text, cut to a length that fits a message. */
export function shortened(text) {
  const characters = [...text.trim()];
  return characters.length <= SHOWN_CHARACTERS ? text.trim() : `${characters.slice(0, SHOWN_CHARACTERS).join("")}…`;
}

/** One kind of space, apostrophe and minus; 10⁶ as 10^6; a power of ten alone as one of 1. */
function plainly(text) {
  const alike = text.trim().replace(/[\t\u00a0\u2007\u2009\u202f]/g, " ").replace(/[’ʼ]/g, "'").replace(/\u2212/g, "-");
  const lowered = alike.replace(
    /^(.*10)([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+)$/,
    (_, before, power) => `${before}^${power.replace(/./g, (raised) => "0123456789-+"[RAISED.indexOf(raised)])}`,
  );
  return /^10 ?(\^|\*\*)/.test(lowered) ? `1*${lowered}` : lowered;
}

/** Without marks between thousands, and with a point as the decimal mark. */
function withPoint(digits, decimalComma) {
  const bare = digits.replace(/[ ']/g, "");
  const last = Math.max(bare.lastIndexOf(","), bare.lastIndexOf("."));
  if (last < 0) return bare;
  const mark = bare[last];
  const other = mark === "," ? "." : ",";
  const isAlone = bare.indexOf(mark) === last;
  const isThousands = mark === "," && !decimalComma && new RegExp(String.raw`^${THOUSANDS},\d{3}$`).test(digits);
  if (!isAlone || isThousands) return bare.replaceAll(mark, "").replace(other, ".");
  return `${bare.slice(0, last).replaceAll(other, "")}.${bare.slice(last + 1)}`;
}

const whyUnread = (plain) => (/^\d[\d., ']*\d$/.test(plain) ? "its marks don't divide it in threes" : "");
