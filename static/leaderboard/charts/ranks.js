/** Rank against usage intensity: how the first of the ranking, and what the reader has chosen, rise and fall. */

import { Ranking } from "../ranking.js";
import { GREATEST_EXPONENT, isNarrow, usageAxis } from "./axes.js";
import { fullCycleEnergyJ } from "./energy.js";
import { count, images, joules } from "../format.js";
import { atLeast, cut, escape } from "./labels.js";

export const MOST_RANKED = 20;
const EXPONENTS = Array.from({ length: 2 * GREATEST_EXPONENT + 1 }, (_, step) => step / 2);
const USAGES = EXPONENTS.map((exponent) => 10 ** exponent);
// The usages of the table, if the reader has chosen none.
const USUAL = [1e4, 1e6, 1e8, 1e10];
const NAME_PX = 190;
let made = {};

const nextTask = () => new Promise((resolve) => setTimeout(resolve));

/**
 * The rank of every line at each of `usages`: a list of ranks by the line's index, 0 without a rank. One usage a task,
 * so that 10,000 entries delay no input.
 */
async function ranksAt({ ranking, eligible, query }, usages) {
  const own = new Ranking(ranking.columns, ranking.byTie);
  const ranks = [];
  for (const usage of usages) {
    own.rank(eligible, usage, query);
    const of = new Uint32Array(own.size);
    for (let position = 0; position < own.rankedCount; position += 1) of[own.order[position]] = position + 1;
    ranks.push(of);
    await nextTask();
  }
  return ranks;
}

/** Ranks over all usages: once for each filter and order, whatever the reader's usage. */
async function ranksOver(view) {
  const { sharedBy, orderBy, accuracyWeight, includeIncomplete } = view.query;
  const key = JSON.stringify([sharedBy, orderBy, accuracyWeight, includeIncomplete]);
  if (made.eligible !== view.eligible || made.key !== key) {
    made = { eligible: view.eligible, key, ranks: ranksAt(view, USAGES) };
  }
  return made.ranks;
}

/** Which entries are drawn: what is chosen, then the first of the ranking at the reader's usage intensity. */
function drawn({ places, chosen, indexOf }) {
  const first = places.filter(({ rank }) => rank !== null).slice(0, MOST_RANKED);
  return [...new Set([...chosen, ...first.map(({ key }) => key)])].filter((key) => indexOf(key) !== undefined);
}

export async function ranksFigure(view) {
  const ranks = await ranksOver(view);
  const { byKey, query, chosen, champions, indexOf } = view;
  const winners = new Set(champions.map(({ key }) => key));
  const isRanked = (key) => ranks.some((of) => of[indexOf(key)] > 0);
  const keys = drawn(view).filter(isRanked);
  const data = keys.map((key) => line(byKey.get(key), ranks.map((of) => of[indexOf(key)] || null), {
    isChosen: chosen.includes(key),
    isChampion: winners.has(key),
  }));
  const worst = Math.max(2, ...data.flatMap(({ y }) => y.filter((rank) => rank !== null)));
  const right = isNarrow() ? 16 : NAME_PX;
  return {
    title: "Rank against usage intensity",
    drawn: keys.length,
    marker: query.usageIntensity,
    nameOf: (key) => byKey.get(key)?.method,
    data: data.reverse(), // the first is drawn last, on top
    layout: {
      meta: { roomRightPx: right - 8 },
      margin: { l: 76, r: right, t: 16, b: 56 },
      xaxis: usageAxis(),
      yaxis: rankAxis(worst),
    },
  };
}

/** Ranks from the first, on top; logarithmic, so that the first ones have room however far others fall. */
function rankAxis(worst) {
  const steps = Array.from({ length: 6 }, (_, decade) => [1, 2, 3, 5].map((step) => step * 10 ** decade)).flat();
  const ticks = steps.filter((rank) => rank <= worst * 1.05);
  return {
    title: { text: "Rank" },
    type: "log",
    range: [Math.log10(worst * 1.12), Math.log10(0.88)],
    tickvals: ticks,
    ticktext: ticks.map((rank) => rank.toLocaleString("en-GB")),
  };
}

function line(entry, y, { isChosen, isChampion }) {
  const last = y.findLastIndex((rank) => rank !== null);
  const texts = y.map((_, at) => (at === last && at === y.length - 1 ? escape(cut(entry.method, 24)) : ""));
  return {
    type: "scatter",
    mode: isNarrow() ? "lines" : "lines+text",
    name: escape(cut(entry.method)),
    meta: { role: isChosen ? "chosen" : isChampion ? "champion" : "entry", entry: entry.key },
    x: USAGES,
    y,
    labels: isNarrow() ? undefined : { texts, places: ["middle right"], weight: isChosen ? 2 : isChampion ? 1 : 0 },
    textfont: { color: "--ink", size: 12 },
    cliponaxis: false,
    hoverinfo: "text",
    hovertext: y.map((rank, at) => `${escape(entry.method)}<br>${images(USAGES[at])}: ${rank === null ? "not ranked" : `rank ${rank}`}`),
    line: {
      color: isChosen ? "--ink" : isChampion ? "--accent" : "--rule-strong",
      dash: isChosen ? "dash" : "solid",
      width: isChosen || isChampion ? 2.5 : 1.25,
    },
  };
}

/** Rank and energy of the drawn entries at the usages that the reader has chosen, or at the usual ones. */
export async function ranksTable(view) {
  const { byKey, query, indexOf } = view;
  const usages = view.otherUsages.length > 0 ? view.otherUsages : USUAL;
  const ranks = await ranksAt(view, usages);
  const rows = drawn(view).map((key) => {
    const entry = byKey.get(key);
    const cells = usages.map((usage, at) => {
      const rank = ranks[at][indexOf(key)];
      return `${rank || "not ranked"}, ${atLeast(entry)}${joules(fullCycleEnergyJ(entry, usage, query.sharedBy))}`;
    });
    return [entry, ...cells];
  });
  return { head: ["Method", ...usages.map((usage) => `At ${count(usage)}: rank, energy`)], rows, query };
}
