/**
 * Led by somebody in a call: shows what they look at while this person follows, and says so above the films. Who leads and whether
 * it is followed is the call's to know; any deed of one's own here says that it is not followed any more.
 */

import { announce, el, icon } from "../dom";
import { t } from "../i18n";

/** What somebody looks at; as it came over the line. */
export type Look = Record<string, unknown>;

export interface Lead {
  name: string;
  look: Look;
  on: boolean;
}

const DEEDS = ["pointerdown", "wheel", "keydown"];

export class Led {
  readonly element = el("div", { class: "led", role: "status", hidden: true });
  private lead: Lead | null = null;
  private wanted: Look | null = null;
  private working = false;
  private isHere = true;

  /** @param show Shows it; whether that film is among those here. */
  constructor(
    private readonly host: HTMLElement,
    private readonly show: (look: Look) => Promise<boolean>,
  ) {
    document.addEventListener("viewer:lead", (event) => this.hear((event as CustomEvent<Lead | null>).detail));
    for (const deed of DEEDS)
      host.addEventListener(deed, (event) => this.noticed(event), { capture: true, passive: true });
  }

  get on(): boolean {
    return this.lead?.on ?? false;
  }

  /** The films are here: who leads may be told now. */
  begin(): void {
    announce(this.host, "viewer:ready", {});
  }

  /** The person does something with the films. */
  own(): void {
    if (this.on) this.choose(false);
  }

  private hear(lead: Lead | null): void {
    const before = this.on ? this.lead?.look : null;
    this.lead = lead;
    if (!lead?.on) this.wanted = null;
    else if (lead.look !== before) this.wanted = lead.look;
    this.draw();
    void this.work();
  }

  private noticed(event: Event): void {
    const isKey = event instanceof KeyboardEvent && ["Tab", "Shift", "Control", "Alt", "Meta"].includes(event.key);
    if (!isKey && !this.element.contains(event.target as Node)) this.own();
  }

  private choose(on: boolean): void {
    announce(this.host, "viewer:follow", { on });
  }

  /** One look at a time, and the last one that came: a series takes a while to open. */
  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    while (this.wanted) {
      const look = this.wanted;
      this.wanted = null;
      this.isHere = await this.show(look);
      this.draw();
    }
    this.working = false;
  }

  private draw(): void {
    const { lead } = this;
    this.element.hidden = lead === null;
    this.host.classList.toggle("led-by", this.on);
    if (!lead) return;
    const { name, on } = lead;
    const words = !on
      ? t("{name} shows films in the call.", { name })
      : this.isHere
        ? t("You follow {name}. A tap on the film ends that.", { name })
        : t("{name} looks at films that are not open here.", { name });
    if (this.element.dataset.words === words) return;
    this.element.dataset.words = words;
    const control = el("button", { type: "button", class: "act" }, on ? t("Look by myself") : t("Follow"));
    control.addEventListener("click", () => this.choose(!on));
    const isFocused = this.element.contains(document.activeElement);
    this.element.replaceChildren(icon("eye"), el("span", {}, words), control);
    if (isFocused) control.focus();
  }
}
