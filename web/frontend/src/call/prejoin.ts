/** Before the call: see yourself, hear yourself, and one large button. Joining is always possible, with whatever there is. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";
import { DeviceFields } from "./fields";
import { helpCard, problemOf } from "./help";

export class Prejoin {
  private readonly video = el("video", { playsinline: true, muted: true, autoplay: true });
  private readonly off = el("p", { class: "self-off" }, icon("video-off"), el("span"));
  private readonly box: HTMLElement;
  private readonly help = el("div", { class: "call-help-place" });
  private readonly microphone = toggle();
  private readonly camera = toggle();
  private readonly fields: DeviceFields;
  private shown = "";

  constructor(
    private readonly place: HTMLElement,
    private readonly call: Call,
  ) {
    this.video.muted = true;
    this.fields = new DeviceFields(call, () => undefined);
    this.microphone.addEventListener("click", () => void call.set("audio", !call.wants.audio));
    this.camera.addEventListener("click", () => void call.set("video", !call.wants.video));
    this.box = el(
      "div",
      { class: "self" },
      this.video,
      this.off,
      el("p", { class: "tag" }, t("Only you see this")),
      el("div", { class: "controls" }, this.microphone, this.camera),
    );
    place.replaceChildren(this.help, this.box, this.fields.element);
  }

  update(): void {
    const { call } = this;
    const track = call.devices.tracks.video;
    setTrack(this.video, track);
    this.video.hidden = !track;
    this.off.hidden = Boolean(track);
    const words = this.off.querySelector("span");
    if (words) words.textContent = call.wants.video ? t("There is no picture yet") : t("Your camera is off");
    label(this.microphone, call.wants.audio, "mic", t("Microphone on"), t("Microphone off"));
    label(this.camera, call.wants.video, "video", t("Camera on"), t("Camera off"));
    const problem = problemOf(call);
    const key = problem ? `${problem.trouble} ${problem.need}` : "";
    this.box.hidden = problem?.need === "both";
    this.place.classList.toggle("troubled", problem !== null);
    if (key !== this.shown) {
      this.shown = key;
      this.help.replaceChildren(...(problem ? [helpCard(problem, () => void this.again())] : []));
    }
    this.fields.update();
  }

  stop(): void {
    this.fields.stop();
    setTrack(this.video, null);
  }

  private async again(): Promise<void> {
    this.shown = "";
    await this.call.devices.open(this.call.wants);
    this.update();
  }
}

export function setTrack(element: HTMLMediaElement, track: MediaStreamTrack | null): void {
  const now = element.srcObject instanceof MediaStream ? element.srcObject.getTracks()[0] : undefined;
  if (now === (track ?? undefined)) return;
  element.srcObject = track ? new MediaStream([track]) : null;
  if (track) void element.play().catch(() => undefined); // a browser that forbids sound says so to `Sound`
}

function toggle(): HTMLButtonElement {
  return el("button", { type: "button" });
}

export function label(button: HTMLButtonElement, on: boolean, sign: string, yes: string, no: string): void {
  const key = String(on);
  if (button.dataset.on === key) return;
  button.dataset.on = key;
  button.setAttribute("aria-pressed", key);
  button.replaceChildren(icon(on ? sign : `${sign}-off`), on ? yes : no);
}
