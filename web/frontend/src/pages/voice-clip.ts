/** A spoken message: recorded here, sent when its speaker says so, kept in the page until the server has it. */

import { el, icon } from "../dom";
import { newKey, Refusal, sendJson } from "../http";
import { t } from "../i18n";
import { clock } from "./reel";

const MOST_MS = 120_000;
/** Plain speech; two minutes are 360 kB. */
const BITS_PER_S = 24_000;
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

/** Beside a message's form: `data-url` takes the sound. */
export function mount(host: HTMLElement): void {
  if (canSpeak()) host.append(new Voice(host.dataset.url ?? "", () => location.reload()).element);
}

export function canSpeak(): boolean {
  const media = (navigator as Partial<Navigator>).mediaDevices;
  return "MediaRecorder" in window && typeof media?.getUserMedia === "function";
}

export class Voice {
  readonly element = el("div", { class: "voice-clip row near" });
  private readonly words = el("span", { class: "num", role: "status" });
  private recorder: MediaRecorder | null = null;
  private began = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private sound: Blob | null = null;
  private key = "";

  constructor(
    private readonly url: string,
    private readonly sent: () => void,
  ) {
    this.rest();
  }

  private rest(words = ""): void {
    clearInterval(this.timer);
    this.sound = null;
    this.show(
      words,
      button("mic", t("Speak a message"), () => void this.record()),
    );
  }

  private async record(): Promise<void> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      this.rest(t("The microphone cannot be used."));
      return;
    }
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    const parts: Blob[] = [];
    const recorder = new MediaRecorder(stream, { audioBitsPerSecond: BITS_PER_S, ...(mimeType && { mimeType }) });
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      clearInterval(this.timer);
      if (this.recorder === recorder) this.keep(new Blob(parts, { type: recorder.mimeType }));
    });
    this.recorder = recorder;
    this.began = performance.now();
    recorder.start();
    this.timer = setInterval(() => this.count(), 250);
    this.show(
      `● ${clock(0)}`,
      button("send", t("Send"), () => recorder.stop()),
      button("trash-2", t("Discard it"), () => this.discard()),
    );
  }

  private count(): void {
    const gone = performance.now() - this.began;
    this.words.textContent = `● ${clock(gone / 1000)} / ${clock(MOST_MS / 1000)}`;
    if (gone >= MOST_MS) this.recorder?.stop();
  }

  private discard(): void {
    const { recorder } = this;
    this.recorder = null;
    if (recorder?.state === "recording") recorder.stop();
    this.rest();
  }

  private keep(sound: Blob): void {
    this.sound = sound;
    this.key = newKey(); // the same words sent again after a broken line are one message
    void this.send();
  }

  private async send(): Promise<void> {
    if (!this.sound) return;
    this.show(t("Being sent …"));
    try {
      await sendJson("POST", this.url, this.sound, { idempotencyKey: this.key });
    } catch (error) {
      this.show(
        error instanceof Refusal ? error.message : t("Not sent: no connection. What you said is kept here."),
        button("send", t("Send"), () => void this.send()),
        button("trash-2", t("Discard it"), () => this.discard()),
      );
      return;
    }
    this.rest();
    this.sent();
  }

  private show(words: string, ...buttons: HTMLElement[]): void {
    this.words.textContent = words;
    this.element.replaceChildren(...buttons, this.words);
  }
}

function button(sign: string, word: string, act: () => void): HTMLButtonElement {
  return el("button", { type: "button", class: "button plain", onclick: act }, icon(sign), word);
}
