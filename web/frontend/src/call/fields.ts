/** Choosing microphone, camera and loudspeaker: the same fields before the call and in it. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";
import { keep, recall } from "./choices";
import { follow, playTone } from "./meter";

const HEARD = 0.35;
const QUIET_AFTER_MS = 6_000;

export class DeviceFields {
  readonly element = el("div", { class: "call-fields" });
  private readonly microphone = select("call-microphone");
  private readonly camera = select("call-camera");
  private readonly speaker = select("call-speaker");
  private readonly meter = el("meter", { min: 0, max: 1, value: 0, "aria-label": t("Loudness of your microphone") });
  private readonly heard = el("p", { class: "say", role: "status" });
  private readonly seen = el("p", { class: "say", role: "status" });
  private readonly microphoneField: HTMLElement;
  private readonly cameraField: HTMLElement;
  private readonly speakerField: HTMLElement;
  private followed: MediaStreamTrack | null = null;
  private stopFollowing: (() => void) | null = null;
  private lastHeard = 0;

  constructor(
    private readonly call: Call,
    private readonly speakerChanged: (id: string) => void,
  ) {
    const test = el(
      "button",
      { type: "button", class: "test", onclick: () => void this.sound(test) },
      icon("volume-2"),
    );
    test.append(t("Play a sound"));
    this.microphoneField = field(t("Microphone"), this.microphone, this.meter, this.heard);
    this.cameraField = field(t("Camera"), this.camera, this.seen);
    this.speakerField = field(t("Loudspeaker"), this.speaker, test);
    this.element.append(this.microphoneField, this.cameraField, this.speakerField);
    this.microphone.addEventListener("change", () => void call.choose("audio", this.microphone.value));
    this.camera.addEventListener("change", () => void call.choose("video", this.camera.value));
    this.speaker.addEventListener("change", () => {
      keep(call.name, { speaker: this.speaker.value });
      this.speakerChanged(this.speaker.value);
    });
  }

  update(): void {
    const { devices } = this.call;
    fill(
      this.microphone,
      devices.of("audioinput"),
      devices.tracks.audio?.getSettings().deviceId ?? "",
      t("Microphone {n}"),
    );
    fill(this.camera, devices.of("videoinput"), devices.tracks.video?.getSettings().deviceId ?? "", t("Camera {n}"));
    fill(this.speaker, devices.of("audiooutput"), recall(this.call.name).speaker, t("Loudspeaker {n}"));
    // Safari and Firefox do not list loudspeakers everywhere: then the system's one is used.
    this.speaker.hidden = this.speaker.options.length === 0 || !("setSinkId" in HTMLMediaElement.prototype);
    this.microphoneField.hidden = !devices.tracks.audio;
    this.cameraField.hidden = !devices.tracks.video;
    say(this.seen, "done", "circle-check", t("The picture is there"));
    this.listen(devices.tracks.audio);
  }

  stop(): void {
    this.listen(null);
  }

  private listen(track: MediaStreamTrack | null): void {
    if (track === this.followed) return;
    this.stopFollowing?.();
    this.stopFollowing = null;
    this.followed = track;
    if (!track) return;
    this.lastHeard = Date.now();
    say(this.heard, "", "mic", t("Say a few words"));
    this.stopFollowing = follow(track, (level) => {
      this.meter.value = level;
      if (level > HEARD) {
        this.lastHeard = Date.now();
        say(this.heard, "done", "circle-check", t("You can be heard"));
      } else if (Date.now() - this.lastHeard > QUIET_AFTER_MS)
        say(this.heard, "warning", "triangle-alert", t("Nothing is heard. Is the microphone switched on?"));
    });
  }

  private async sound(button: HTMLButtonElement): Promise<void> {
    button.setAttribute("aria-disabled", "true");
    try {
      await playTone(this.speaker.value);
    } catch (error) {
      console.warn("No sound could be played", error);
    }
    button.removeAttribute("aria-disabled");
  }
}

function select(id: string): HTMLSelectElement {
  return el("select", { id });
}

function field(label: string, control: HTMLSelectElement, ...more: HTMLElement[]): HTMLElement {
  return el("div", {}, el("label", { for: control.id }, label), control, ...more);
}

function fill(control: HTMLSelectElement, devices: MediaDeviceInfo[], now: string, unnamed: string): void {
  const key = devices.map((device) => device.deviceId + device.label).join("|");
  if (control.dataset.filled !== key) {
    control.dataset.filled = key;
    control.replaceChildren(
      ...devices.map((device, index) =>
        el("option", { value: device.deviceId }, device.label || unnamed.replace("{n}", String(index + 1))),
      ),
    );
  }
  if (now && control.value !== now) control.value = now;
}

function say(line: HTMLElement, tone: string, sign: string, text: string): void {
  if (line.dataset.text === text) return;
  line.dataset.text = text;
  line.className = `say ${tone}`;
  line.replaceChildren(icon(sign, true), text);
}
