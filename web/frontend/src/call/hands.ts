/** Who wants to say something: everybody sees the list, in the order in which the hands went up. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";
import type { Seat } from "./wire";

/** The seats with a raised hand, the first one first. */
export function raised(seats: Iterable<Seat>): Seat[] {
  return [...seats].filter((seat) => seat.hand > 0).sort((a, b) => a.hand - b.hand);
}

export class Hands {
  readonly element = el("section", { class: "hands", "aria-labelledby": "call-hands", hidden: true });
  private readonly list = el("ol");
  private drawn = "";

  constructor(private readonly call: Call) {
    this.element.append(el("h2", { id: "call-hands" }, icon("hand"), t("Raised hands")), this.list);
  }

  update(): void {
    const { call } = this;
    const hands = raised(call.seats.values());
    this.element.hidden = hands.length === 0;
    const key = hands.map((seat) => `${seat.participant} ${seat.name}`).join("|") + String(call.isHost);
    if (key === this.drawn) return;
    this.drawn = key;
    const place = this.list.contains(document.activeElement);
    this.list.replaceChildren(...hands.map((seat) => this.line(seat)));
    // Whoever has just lowered a hand goes on with the next one.
    if (place) this.list.querySelector("button")?.focus();
  }

  private line(seat: Seat): HTMLElement {
    const isMine = seat.participant === this.call.me;
    const line = el("li", {}, el("span", {}, isMine ? t("You") : seat.name));
    if (isMine || this.call.isHost) {
      const lower = el("button", { type: "button", class: "plain" }, t("Lower"));
      lower.setAttribute("aria-label", t("Lower the hand: {name}", { name: isMine ? t("You") : seat.name }));
      lower.addEventListener("click", () => this.call.hand(false, isMine ? "" : seat.participant));
      line.append(lower);
    }
    return line;
  }
}
