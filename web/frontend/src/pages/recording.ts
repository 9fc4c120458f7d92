/** Plays all tracks of a recording on one clock, with the films that were looked at beside them, and a bar to go anywhere. */

import { el, icon, jsonBlock } from "../dom";
import { t } from "../i18n";
import { Clock, clock, isOn, lookAt, looksIn, pictureOf, type Look, type Stretch } from "./reel";

const TICK_MS = 100;
/** Further apart than this is heard: then a track is set right. */
const APART_S = 0.35;
/** The others wait so long for one that has not loaded, then go on without it. */
const PATIENCE_MS = 8_000;
const KEY_STEP_S = 5;
const REST_MS = 120;
const PICTURE_PX = 768;

interface Track extends Stretch {
  media: HTMLMediaElement;
}

export function mount(host: HTMLElement): void {
  const controls = host.querySelector<HTMLElement>("[data-recording-controls]");
  const play = host.querySelector<HTMLButtonElement>("[data-recording-play]");
  const time = host.querySelector<HTMLElement>("[data-recording-time]");
  const seek = host.querySelector<HTMLInputElement>("[data-recording-seek]");
  const speed = host.querySelector<HTMLSelectElement>("[data-recording-speed]");
  const film = host.querySelector<HTMLElement>("[data-recording-film]");
  if (!controls || !play || !time || !seek || !speed) return;
  const looks = looksIn(jsonBlock("#looks"));
  const films = film && looks.length ? new Films(film, host.dataset.dicomweb ?? "/dicomweb", looks) : null;
  new Player(host, { play, time, seek, speed }, films).begin();
  controls.hidden = false;
}

interface Controls {
  play: HTMLButtonElement;
  time: HTMLElement;
  seek: HTMLInputElement;
  speed: HTMLSelectElement;
}

class Player {
  private readonly tracks: Track[];
  private readonly fromS: number;
  private readonly untilS: number;
  private readonly clock: Clock;
  private playing = false;
  private waitingSince = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly host: HTMLElement,
    private readonly controls: Controls,
    private readonly films: Films | null,
  ) {
    this.fromS = Number(host.dataset.from ?? 0) / 1000;
    this.untilS = Number(host.dataset.until ?? 0) / 1000;
    this.clock = new Clock(this.fromS, this.untilS, () => performance.now());
    this.tracks = [...host.querySelectorAll<HTMLMediaElement>("audio, video")].map((media) => ({
      media,
      fromS: Number(media.dataset.from ?? 0) / 1000,
      untilS: media.dataset.until ? Number(media.dataset.until) / 1000 : this.untilS,
    }));
  }

  begin(): void {
    const { host, controls } = this;
    controls.play.addEventListener("click", () => this.play(!this.playing));
    controls.seek.addEventListener("input", () => this.goTo(controls.seek.valueAsNumber));
    controls.speed.addEventListener("change", () => this.setSpeed(Number(controls.speed.value)));
    for (const step of host.querySelectorAll<HTMLElement>("[data-recording-step]"))
      step.addEventListener("click", () => this.goTo(this.atS + Number(step.dataset.recordingStep)));
    for (const line of host.querySelectorAll<HTMLElement>("[data-at]"))
      line.addEventListener("click", () => this.goTo(Number(line.dataset.at) / 1000));
    host.addEventListener("keydown", (event) => this.key(event));
    controls.seek.before(this.marks());
    this.goTo(0);
  }

  /** Seconds since the recording begins to play. */
  private get atS(): number {
    return this.clock.nowS - this.fromS;
  }

  private play(on: boolean): void {
    if (on && this.clock.over) this.goTo(0);
    this.playing = on;
    this.waitingSince = 0;
    clearInterval(this.timer);
    if (on) this.timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  private goTo(seconds: number): void {
    this.clock.goTo(this.fromS + seconds);
    const now = this.clock.nowS;
    for (const track of this.tracks) if (isOn(track, now)) track.media.currentTime = now;
    this.tick();
  }

  private setSpeed(speed: number): void {
    this.clock.rate = speed;
    for (const { media } of this.tracks) media.playbackRate = speed;
  }

  private tick(): void {
    if (this.playing && this.clock.over) {
      this.play(false);
      return;
    }
    const now = this.clock.nowS;
    const on = this.tracks.filter((track) => isOn(track, now));
    const runs = this.playing && !this.mustWait(on, now);
    this.clock.run(runs);
    for (const { media } of this.tracks)
      if (!media.paused && (!runs || !on.some((one) => one.media === media))) media.pause();
    if (runs) for (const { media } of on) follow(media, now);
    this.draw();
  }

  /** One that is still loading holds all: nobody's words may come before the question that they answer. */
  private mustWait(on: Track[], now: number): boolean {
    const late = on.some(
      ({ media, untilS }) =>
        !media.error && !media.ended && untilS - now > 1 && (media.seeking || media.readyState < 3),
    );
    if (!late) this.waitingSince = 0;
    else this.waitingSince ||= performance.now();
    return late && performance.now() - this.waitingSince < PATIENCE_MS;
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === this.controls.speed) return;
    const onButton = event.target instanceof HTMLButtonElement;
    const act = {
      " ": onButton ? undefined : () => this.play(!this.playing),
      ArrowLeft: () => this.goTo(this.atS - KEY_STEP_S),
      ArrowRight: () => this.goTo(this.atS + KEY_STEP_S),
      Home: () => this.goTo(0),
      End: () => this.goTo(this.untilS - this.fromS),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** What has a name in the list has its place above the bar. */
  private marks(): HTMLElement {
    const bar = el("div", { class: "recording-marks", "aria-hidden": "true" });
    for (const line of this.host.querySelectorAll<HTMLElement>("[data-at]")) {
      const mark = el("i", { "data-kind": line.dataset.kind });
      mark.style.left = `${(100 * Number(line.dataset.at)) / 1000 / (this.untilS - this.fromS || 1)}%`;
      bar.append(mark);
    }
    return bar;
  }

  private draw(): void {
    const { play, time, seek } = this.controls;
    const word = this.playing ? t("Pause") : t("Play");
    if (play.dataset.word !== word) {
      play.dataset.word = word;
      play.replaceChildren(icon(this.playing ? "pause" : "play"), word);
    }
    const words = `${clock(this.atS)} / ${clock(this.untilS - this.fromS)}`;
    if (time.textContent !== words) {
      time.textContent = words;
      seek.setAttribute("aria-valuetext", words);
    }
    seek.value = String(this.atS);
    this.host.dataset.playing = String(this.playing);
    for (const { media, ...stretch } of this.tracks)
      media.closest("figure")?.classList.toggle("off", !isOn(stretch, this.clock.nowS));
    this.films?.show(this.atS * 1000);
  }
}

function follow(media: HTMLMediaElement, now: number): void {
  if (Math.abs(media.currentTime - now) > APART_S) media.currentTime = now;
  if (media.paused && !media.error && !media.ended) void media.play().catch(() => undefined);
}

/** The films beside the call: what stood on the screen at that second, by the server's pictures and the reader's own rights. */
class Films {
  private readonly stage: HTMLElement | null;
  private readonly who: HTMLElement | null;
  private readonly nothing: Node[];
  private shown: Look | null | undefined = null;
  private resting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    host: HTMLElement,
    private readonly root: string,
    private readonly looks: Look[],
  ) {
    this.stage = host.querySelector("div");
    this.who = host.querySelector("[data-recording-who]");
    this.nothing = [...(this.stage?.childNodes ?? [])];
  }

  show(ms: number): void {
    const look = lookAt(this.looks, ms);
    if (look === this.shown) return;
    this.shown = look;
    clearTimeout(this.resting); // a bar that is dragged passes many films
    this.resting = setTimeout(() => void this.fetch(look), REST_MS);
  }

  private async fetch(look: Look | undefined): Promise<void> {
    const address = pictureOf(this.root, look, PICTURE_PX);
    if (this.who) this.who.textContent = address && look?.who ? look.who : t("Films that were shown");
    if (!address || !look) {
      this.stage?.replaceChildren(...this.nothing);
      return;
    }
    const picture = el("img", { alt: t("The film that was shown"), src: address });
    try {
      await picture.decode();
    } catch {
      if (look === this.shown)
        this.stage?.replaceChildren(el("p", {}, t("This film is not here, or not open to you.")));
      return;
    }
    if (look === this.shown) this.stage?.replaceChildren(el("span", {}, picture, pointer(look)));
  }
}

function pointer({ x, y }: Look): HTMLElement | null {
  if (x === undefined || y === undefined) return null;
  const mark = el("i", { class: "recording-pointer" });
  mark.style.left = `${100 * x}%`;
  mark.style.top = `${100 * y}%`;
  return mark;
}
