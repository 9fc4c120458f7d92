/** The door of the call, from both sides: who waits, with a yes and a "not now"; and what stands before who waits. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";
import type { Asking } from "./wire";

export class Door {
  readonly element = el("section", { class: "door", role: "status", hidden: true });
  private drawn = "";

  constructor(private readonly call: Call) {}

  update(): void {
    const asking = [...this.call.room.asking.values()];
    this.element.hidden = asking.length === 0;
    const key = asking.map((one) => `${one.participant} ${one.name}`).join("|");
    if (key === this.drawn) return;
    this.drawn = key;
    this.element.replaceChildren(...asking.map((one) => this.line(one)));
  }

  private line({ participant, name }: Asking): HTMLElement {
    const open = this.button("user-check", t("Let in"), t("Let in: {name}", { name }), participant, true);
    open.classList.add("let-in");
    open.dataset.callLetIn = participant;
    const decline = this.button("x", t("Not now"), t("Not now: {name}", { name }), participant, false);
    decline.dataset.callTurnAway = participant;
    return el("div", {}, el("p", {}, t("{name} waits at the door", { name })), open, decline);
  }

  private button(sign: string, word: string, label: string, who: string, welcome: boolean): HTMLButtonElement {
    const attributes = { type: "button", class: "plain", "aria-label": label };
    return el("button", { ...attributes, onclick: () => this.call.answer(who, welcome) }, icon(sign), word);
  }
}

/** What whoever waits reads, in the place of the others' pictures. */
export function atTheDoor(): HTMLElement[] {
  return [
    el("h2", {}, t("You are in the waiting room")),
    el("p", {}, t("The doctor knows that you are waiting and lets you in.")),
    el("p", {}, t("Nobody hears or sees you yet. Please leave this page open.")),
    ...placeIsKept(),
  ];
}

/** What a patient reads who was let in and is alone. */
export function aloneInside(): HTMLElement[] {
  return [
    el("h2", {}, t("The doctor is not here at the moment")),
    el("p", {}, t("The doctor comes to you here. Please leave this page open.")),
    ...placeIsKept(),
  ];
}

function placeIsKept(): HTMLElement[] {
  return [el("p", {}, t("Your place is kept. If you close the page, open the link again and you are back."))];
}
