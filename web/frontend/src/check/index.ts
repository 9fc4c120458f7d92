/** The page that tries this device before a call: one step after the other, each with its result in plain words. */

import "./check.css";
import { canCall, Devices } from "../call/devices";
import { follow, playTone } from "../call/meter";
import { browserOf, headline, steps as mending, type Need, type Trouble } from "../call/trouble";
import { el, icon } from "../dom";
import { t } from "../i18n";
import { judgeAll, judgeLine, judgeLoop, type Grade, type Verdict } from "./judge";
import { measureLine, socketOpens } from "./line";
import { sendRound } from "./loop";

const LISTEN_MS = 6_000;
const HEARD = 0.25;
const SIGNS: Record<Grade, string> = {
  open: "circle",
  busy: "circle-dot",
  good: "circle-check",
  weak: "triangle-alert",
  bad: "circle-x",
};

export function mount(host: HTMLElement): void {
  new Check(host).show();
}

class Check {
  private readonly devices = new Devices({
    changed: () => undefined,
    unplugged: () => undefined,
    listed: () => undefined,
  });
  private readonly grades = new Map<string, Grade>();
  private readonly begin: HTMLButtonElement | null;

  constructor(private readonly host: HTMLElement) {
    this.begin = host.querySelector("[data-begin]");
  }

  show(): void {
    this.begin?.addEventListener("click", () => void this.run());
    this.host.querySelector("[data-print]")?.addEventListener("click", () => print());
    addEventListener("pagehide", () => this.devices.dispose());
  }

  private async run(): Promise<void> {
    if (this.begin) this.begin.disabled = true;
    this.grades.clear();
    for (const row of this.host.querySelectorAll<HTMLElement>("[data-step]")) this.say(row.dataset.step ?? "", OPEN);
    try {
      await this.step("browser", () => Promise.resolve(this.browser()));
      await this.step("camera", () => this.camera());
      await this.step("microphone", () => this.microphone());
      await this.step("speaker", () => this.speaker());
      await this.step("line", () => this.line());
      await this.step("media", () => this.media());
    } finally {
      this.devices.close("audio");
      this.devices.close("video");
      this.conclude();
      if (this.begin) this.begin.disabled = false;
    }
  }

  // ---------------------------------------------------------------- steps
  private browser(): Verdict {
    if (!isSecureContext) return { grade: "bad", text: mending("insecure", "chromium").join(" ") };
    return canCall()
      ? { grade: "good", text: t("This browser can make calls.") }
      : { grade: "bad", text: t("Open this page in the newest Chrome, Edge, Firefox or Safari.") };
  }

  private async camera(): Promise<Verdict> {
    await this.devices.open({ audio: false, video: true });
    const track = this.devices.tracks.video;
    if (!track) return troubled(this.devices.trouble.video, "camera");
    const place = this.place("camera");
    const video = el("video", { playsinline: true, muted: true, autoplay: true, "aria-label": t("Your own picture") });
    video.muted = true;
    video.srcObject = new MediaStream([track]);
    place?.replaceChildren(video);
    const { width = 0, height = 0 } = track.getSettings();
    return { grade: "good", text: `${nameOf(track)} ${width} × ${height}` };
  }

  private async microphone(): Promise<Verdict> {
    await this.devices.open({ audio: true, video: false });
    const track = this.devices.tracks.audio;
    if (!track) return troubled(this.devices.trouble.audio, "microphone");
    this.say("microphone", { grade: "busy", text: t("Please speak a sentence.") });
    const bar = el("meter", { min: 0, max: 1, value: 0, "aria-label": t("Loudness of the microphone") });
    this.place("microphone")?.replaceChildren(bar);
    let loudest = 0;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const timer = setTimeout(end, LISTEN_MS);
      const stop = follow(track, (level) => {
        bar.value = level;
        loudest = Math.max(loudest, level);
      });
    });
    bar.value = loudest;
    if (loudest >= HEARD) return { grade: "good", text: t("You can be heard. {name}", { name: nameOf(track) }) };
    return {
      grade: "weak",
      text: t("Hardly anything was heard. Is it muted at the device, or is another one chosen? {name}", {
        name: nameOf(track),
      }),
    };
  }

  private async speaker(): Promise<Verdict> {
    this.say("speaker", { grade: "busy", text: t("Three notes are played.") });
    await playTone("").catch(() => undefined);
    const heard = await this.ask("speaker", t("Did you hear three notes?"), t("Yes"), t("No"));
    if (heard) return { grade: "good", text: t("You hear the others.") };
    return {
      grade: "bad",
      text: t("Check that the loudspeaker is switched on and turned up, and that the right one is chosen."),
    };
  }

  private async line(): Promise<Verdict> {
    const { bytes = "", socket = "" } = this.host.dataset;
    try {
      const measured = await measureLine(bytes);
      if (await socketOpens(socket)) return judgeLine(measured);
      return {
        grade: "bad",
        text: t("A proxy or firewall keeps WebSockets away: give this page to your IT department."),
      };
    } catch {
      return { grade: "bad", text: t("The server cannot be reached from here at this moment.") };
    }
  }

  private async media(): Promise<Verdict> {
    const tracks = [this.devices.tracks.audio, this.devices.tracks.video].filter((track) => track !== null);
    if (tracks.length === 0 || !canCall())
      return { grade: "weak", text: t("Not tried: there is neither a camera nor a microphone.") };
    try {
      return judgeLoop(
        await sendRound(tracks, (stream) => {
          const video = el("video", {
            playsinline: true,
            muted: true,
            autoplay: true,
            "aria-label": t("What came back"),
          });
          video.muted = true;
          video.srcObject = stream;
          this.place("media")?.replaceChildren(video);
        }),
      );
    } catch (error) {
      console.warn("The round through the exchange failed", error);
      return { grade: "bad", text: t("The server does not take calls at this moment. Please try again later.") };
    }
  }

  // ---------------------------------------------------------------- the page
  private async step(name: string, tried: () => Promise<Verdict>): Promise<void> {
    this.say(name, { grade: "busy", text: t("Being tried …") });
    const verdict = await tried();
    this.grades.set(name, verdict.grade);
    this.say(name, verdict);
    this.place(name)?.replaceChildren();
  }

  private say(name: string, verdict: Verdict): void {
    const row = this.row(name);
    if (!row) return;
    row.dataset.grade = verdict.grade;
    row.querySelector("[data-sign]")?.replaceChildren(icon(SIGNS[verdict.grade]));
    const text = row.querySelector("[data-text]");
    if (!text || !verdict.text) return;
    text.replaceChildren(verdict.text, verdict.figures ? el("span", { class: "check-figures" }, verdict.figures) : "");
  }

  private ask(name: string, question: string, yes: string, no: string): Promise<boolean> {
    return new Promise((resolve) => {
      const button = (text: string, answer: boolean): HTMLElement =>
        el(
          "button",
          { type: "button", class: "button", "data-answer": String(answer), onclick: () => resolve(answer) },
          text,
        );
      this.say(name, { grade: "busy", text: question });
      this.place(name)?.replaceChildren(el("p", { class: "row near" }, button(yes, true), button(no, false)));
    });
  }

  private conclude(): void {
    const whole = this.host.querySelector<HTMLElement>("[data-whole]");
    if (!whole) return;
    const verdict = judgeAll([...this.grades.values()]);
    whole.dataset.grade = verdict.grade;
    whole.replaceChildren(icon(SIGNS[verdict.grade]), el("span", {}, verdict.text));
    whole.hidden = false;
  }

  private row(name: string): HTMLElement | null {
    return this.host.querySelector(`[data-step="${name}"]`);
  }

  private place(name: string): HTMLElement | null {
    return this.row(name)?.querySelector<HTMLElement>("[data-place]") ?? null;
  }
}

const OPEN: Verdict = { grade: "open", text: "" };

function troubled(trouble: Trouble | null, need: Need): Verdict {
  const what = trouble ?? "broken";
  const words = [headline(what, need), ...mending(what, browserOf(navigator.userAgent))];
  return { grade: "bad", text: `${words.join(". ")}.` };
}

/** The device's own name, as the person knows it from its box. */
function nameOf(track: MediaStreamTrack): string {
  return track.label ? `${track.label}.` : "";
}
