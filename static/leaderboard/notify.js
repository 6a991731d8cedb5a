/** Notifies what follows the board, such as its charts: the event "boarddrawn" brings what is drawn. */

import { parameters } from "./controls.js";
import { otherUsages } from "./tablelook.js";

/** `shown`: what is drawn of the board. Listeners draw later than this frame, so much is made when they read it. */
export function notify(board, { query, champions, eligible, chosen }) {
  const { ranking, byKey } = board;
  let places = null;
  const detail = {
    ...{ board, ranking, byKey, query, champions, eligible, chosen },
    otherUsages: otherUsages(),
    indexOf: (key) => board.indices.get(key),
    parameters: parameters({ ofView: false }),
    get energyChampions() {
      return query.orderBy === "energy" ? champions : ranking.champions(eligible, query.sharedBy);
    },
    get places() {
      places ??= ranking.places();
      return places;
    },
  };
  document.dispatchEvent(new CustomEvent("boarddrawn", { detail }));
}
