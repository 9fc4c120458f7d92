/** The bar of the call: each button says in words what it does. Leaving never ends; ending asks first. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";
import { canFloat } from "./float";
import { label } from "./prejoin";

export interface ControlsOptions {
  patient: boolean;
  small: boolean;
  settings: () => void;
  float: () => void;
  chat: (() => void) | null;
}

export class Controls {
  readonly element: HTMLElement;
  private readonly microphone = el("button", { type: "button", "data-call-microphone": true });
  private readonly camera = el("button", { type: "button", "data-call-camera": true });
  private readonly turn = button("switch-camera", t("Other camera"));
  private readonly screen = button("monitor-up", t("Share screen"));
  private readonly hand = button("hand", t("Raise hand"));
  private readonly record = button("circle-dot", t("Record"));
  private readonly chat = button("message-square", t("Messages"));
  private readonly end = button("phone-off", t("End for all"));
  private readonly unread = el("span", { class: "badge", hidden: true });

  constructor(
    private readonly call: Call,
    private readonly options: ControlsOptions,
  ) {
    const settings = button("settings", t("Devices"));
    const floating = button("picture-in-picture-2", t("Small window"));
    const leave = button("log-out", t("Leave"));
    leave.classList.add("leave");
    leave.title = t("You can come back at any time; the call does not end.");
    leave.dataset.callLeave = "";
    this.end.dataset.callEnd = "";
    this.microphone.addEventListener("click", () => void call.set("audio", !call.wants.audio));
    this.camera.addEventListener("click", () => void call.set("video", !call.wants.video));
    this.turn.addEventListener("click", () => void call.devices.turnRound());
    this.screen.addEventListener("click", () => void call.share().catch(() => undefined)); // the person changed their mind
    this.screen.dataset.callScreenShare = "";
    this.record.dataset.callRecord = "";
    this.record.addEventListener("click", () => call.record(true));
    this.hand.dataset.callHand = "";
    this.hand.addEventListener("click", () => call.hand(!call.hasHandUp));
    this.chat.addEventListener("click", () => options.chat?.());
    this.chat.append(this.unread);
    settings.addEventListener("click", options.settings);
    floating.addEventListener("click", options.float);
    leave.addEventListener("click", () => call.leave());
    this.end.addEventListener("click", () => void this.confirmEnd());
    const { patient, small } = options;
    this.element = el(
      "div",
      { class: "controls", role: "group", "aria-label": t("Call") },
      this.microphone,
      this.camera,
      patient && this.turn,
      !patient && !small && canShare() && this.screen,
      !small && this.hand,
      !patient && !small && this.record,
      options.chat !== null && this.chat,
      !small && settings,
      !patient && !small && canFloat() && floating,
      !small && !patient && this.end,
      leave,
    );
  }

  update(unread: number): void {
    const { call } = this;
    label(this.microphone, call.wants.audio && call.devices.tracks.audio !== null, "mic", t("Mute"), t("Unmute"));
    label(
      this.camera,
      call.wants.video && call.devices.tracks.video !== null,
      "video",
      t("Switch camera off"),
      t("Switch camera on"),
    );
    this.screen.setAttribute("aria-pressed", String(call.screen !== null));
    this.screen.querySelector(".word")?.replaceChildren(call.screen?.wordToStop ?? t("Share screen"));
    this.record.hidden = !call.grants.has("record") || call.room.recording.on;
    this.hand.setAttribute("aria-pressed", String(call.hasHandUp));
    this.hand.querySelector(".word")?.replaceChildren(call.hasHandUp ? t("Lower hand") : t("Raise hand"));
    // A patient alone with the doctor just speaks: one button less to understand.
    this.hand.hidden = this.options.patient && call.others.length < 2 && !call.hasHandUp;
    this.turn.hidden = call.devices.of("videoinput").length < 2 || !call.devices.tracks.video;
    this.end.hidden = !call.isHost;
    this.unread.hidden = unread === 0;
    this.unread.textContent = String(unread);
  }

  private async confirmEnd(): Promise<void> {
    const sure = await ask(
      t("End the call for everybody?"),
      t("Everybody is sent out of the call. Messages, films and results stay. To go only yourself, choose “Leave”."),
      t("End for all"),
      t("Go on with the call"),
    );
    if (sure) this.call.endForAll();
  }
}

function canShare(): boolean {
  const media = (navigator as Partial<Navigator>).mediaDevices as Partial<MediaDevices> | undefined;
  return typeof media?.getDisplayMedia === "function";
}

function button(sign: string, word: string): HTMLButtonElement {
  return el("button", { type: "button" }, icon(sign), el("span", { class: "word" }, word));
}

/** A question with two answers; closing it is the second. */
function ask(title: string, text: string, yes: string, no: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "call-dialog", "aria-labelledby": "call-ask" });
    const stay = el("button", { type: "button", class: "plain", onclick: () => dialog.close() }, no);
    const sure = el("button", { type: "button", class: "leave", onclick: () => dialog.close("yes") }, yes);
    dialog.append(el("h2", { id: "call-ask" }, title), el("p", {}, text), el("p", { class: "dialog-end" }, stay, sure));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.querySelector(".incall")?.append(dialog);
    dialog.showModal();
    stay.focus();
  });
}
