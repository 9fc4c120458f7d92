/** Plays all tracks of a recording on one clock: each begins when it began then. There is one button for all of them. */

import { icon } from "../dom";
import { t } from "../i18n";

const TICK_MS = 200;

interface Track {
  media: HTMLMediaElement;
  beganS: number;
}

export function mount(host: HTMLElement): void {
  const button = host.querySelector<HTMLButtonElement>("[data-recording-play]");
  const again = host.querySelector<HTMLButtonElement>("[data-recording-again]");
  const time = host.querySelector<HTMLElement>("[data-recording-time]");
  if (button && again && time) new Player(host, button, again, time).begin();
}

class Player {
  private readonly tracks: Track[];
  private readonly seconds: number;
  private atS = 0;
  private since: number | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly host: HTMLElement,
    private readonly button: HTMLButtonElement,
    private readonly again: HTMLButtonElement,
    private readonly time: HTMLElement,
  ) {
    this.tracks = [...host.querySelectorAll<HTMLMediaElement>("audio, video")].map((media) => ({
      media,
      beganS: Number(media.dataset.began ?? 0) / 1000,
    }));
    this.seconds = Number(host.dataset.seconds ?? 0);
  }

  begin(): void {
    this.button.hidden = this.again.hidden = false;
    this.button.addEventListener("click", () => (this.since === null ? this.play() : this.pause()));
    this.again.addEventListener("click", () => this.rewind());
    this.draw();
  }

  private get nowS(): number {
    return this.since === null ? this.atS : this.atS + (performance.now() - this.since) / 1000;
  }

  private play(): void {
    if (this.nowS >= this.seconds) this.rewind();
    this.since = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  private pause(): void {
    this.atS = this.nowS;
    this.since = null;
    clearInterval(this.timer);
    for (const { media } of this.tracks) media.pause();
    this.draw();
  }

  private rewind(): void {
    this.pause();
    this.atS = 0;
    for (const { media } of this.tracks) media.load();
    this.draw();
  }

  private tick(): void {
    const now = this.nowS;
    if (now >= this.seconds + 1) {
      this.pause();
      return;
    }
    for (const { media, beganS } of this.tracks)
      if (now >= beganS && media.paused && !media.ended && !media.error) void media.play().catch(() => undefined);
    this.draw();
  }

  private draw(): void {
    const playing = this.since !== null;
    const word = playing ? t("Pause") : t("Play");
    if (this.button.dataset.word !== word) {
      this.button.dataset.word = word;
      this.button.replaceChildren(icon(playing ? "pause" : "play"), word);
    }
    this.time.textContent = `${clock(Math.min(this.nowS, this.seconds))} / ${clock(this.seconds)}`;
    this.host.dataset.playing = String(playing);
  }
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
