/** Recording in the call: the sign that everybody sees, the question to everybody, pause and stop for who may record. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";

export class RecordingSign {
  readonly element = el("section", { class: "recording-sign", role: "status", hidden: true });
  private drawn = "";

  constructor(private readonly call: Call) {}

  update(): void {
    const { recording } = this.call.room;
    const waitsFor = this.call.room.undecided.map((seat) => seat.name);
    this.element.hidden = !recording.on || this.call.phase !== "in";
    const key = `${recording.paused} ${this.call.hasAgreed} ${this.mayRecord} ${waitsFor.join("|")}`;
    if (key === this.drawn) return;
    this.drawn = key;
    this.element.classList.toggle("live", !recording.paused && waitsFor.length === 0);
    this.element.replaceChildren(
      el("p", {}, icon("circle-dot"), el("b", {}, this.words(recording.paused, waitsFor))),
      ...(this.call.hasAgreed ? [] : this.question()),
      ...(this.mayRecord ? this.controls(recording.paused) : this.call.hasAgreed ? this.wayBack() : []),
    );
  }

  private get mayRecord(): boolean {
    return this.call.grants.has("record");
  }

  private words(paused: boolean, waitsFor: string[]): string {
    if (paused) return t("Recording is paused");
    if (!this.call.hasAgreed) return t("This call is to be recorded. Do you agree?");
    if (waitsFor.length > 0)
      return t("Not recording yet: waiting for the yes of {names}", { names: waitsFor.join(", ") });
    return t("Recording");
  }

  private question(): HTMLElement[] {
    const yes = button("check", t("I agree"), () => this.call.agree(true));
    const no = button("x", t("I do not agree"), () => this.call.agree(false));
    yes.dataset.callAgree = "";
    no.dataset.callRefuse = "";
    yes.classList.add("let-in");
    return [
      el("p", {}, t("Sound and picture are kept with the consult. Without everybody's yes nothing is recorded.")),
      el("p", { class: "answers" }, yes, no),
    ];
  }

  private wayBack(): HTMLElement[] {
    const back = button("x", t("I no longer agree"), () => this.call.agree(false));
    back.dataset.callRefuse = "";
    return [el("p", { class: "answers" }, back)];
  }

  private controls(paused: boolean): HTMLElement[] {
    const pause = paused
      ? button("play", t("Go on recording"), () => this.call.record(true))
      : button("pause", t("Pause recording"), () => this.call.record(true, true));
    const stop = button("square", t("Stop recording"), () => this.call.record(false));
    pause.dataset.callRecordPause = "";
    stop.dataset.callRecordStop = "";
    return [el("p", { class: "answers" }, pause, stop)];
  }
}

function button(sign: string, word: string, act: () => void): HTMLButtonElement {
  return el("button", { type: "button", class: "plain", onclick: act }, icon(sign), word);
}
