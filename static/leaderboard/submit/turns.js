/** Clicks on the buttons of the form's cards, one after the other, each for the card that it was made on. */

/**
 * A function that calls `act` with an action, or with none, once no action is under way: nothing overtakes one, so that
 * no click is lost. `act` returns the cards' titles before and after if it has shown them again.
 */
export function inTurn(act) {
  const waiting = new Set(); // each click's action, whose card moves with what is done before it
  let acting = null;

  async function one(action) {
    const cards = await act(action);
    if (cards) for (const click of waiting) click.action = moved(click.action, action, cards);
  }

  return async function take(action = "") {
    const click = { action };
    waiting.add(click);
    while (acting) await acting.catch(() => {});
    waiting.delete(click);
    if (click.action === null) return; // its card has been removed
    const asked = one(click.action);
    if (action) {
      acting = asked.finally(() => {
        acting = null;
      });
    }
    await asked;
  };
}

/** The action for the same card once another was done; null if that has removed the card. */
function moved(action, done, { before, after }) {
  if (!action?.includes(":")) return action; // not of a card, or its card has been removed
  const [verb, of] = action.split(":");
  const place = placeAfter(Number(of), done, before, after);
  return place === null ? null : `${verb}:${place}`;
}

function placeAfter(place, done, before, after) {
  const [verb, of] = done.split(":");
  const from = Number(of);
  if (after.length < before.length) return place === from ? null : place - (place > from);
  if (after.length > before.length) return place + (place >= after.findIndex((title, at) => title !== before[at]));
  const to = verb === "up" ? from - 1 : verb === "down" ? from + 1 : from;
  if (place === from) return to;
  return place === to ? from : place;
}
