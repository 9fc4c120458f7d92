/** The people as pictures: one tile each, a screen as a tile of its own; who speaks, who is away, why there is no picture. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";
import { whyNoVideo } from "./ladder";
import { setTrack } from "./prejoin";
import type { Seat } from "./wire";

interface Tile {
  element: HTMLElement;
  video: HTMLVideoElement;
  name: HTMLElement;
  note: HTMLElement;
}

export class Tiles {
  readonly element = el("div", { class: "tiles" });
  private readonly shown = new Map<string, Tile>();

  constructor(private readonly call: Call) {}

  update(): void {
    const wanted: [string, (tile: Tile) => void][] = [];
    for (const seat of this.call.others) {
      if (seat.screen && seat.tracks.includes("screen"))
        wanted.push([`${seat.participant}/screen`, (tile) => this.screen(tile, seat)]);
      wanted.push([seat.participant, (tile) => this.person(tile, seat)]);
    }
    if (this.call.me) wanted.push(["me", (tile) => this.self(tile)]);
    for (const [key, tile] of this.shown)
      if (!wanted.some(([name]) => name === key)) {
        tile.element.remove();
        this.shown.delete(key);
      }
    for (const [key, draw] of wanted) {
      let tile = this.shown.get(key);
      if (!tile) {
        tile = make(key);
        this.shown.set(key, tile);
      }
      draw(tile);
    }
    const order = wanted.map(([key]) => this.shown.get(key)?.element).filter((one) => one !== undefined);
    if (order.some((element, index) => this.element.children[index] !== element)) this.element.append(...order);
    this.element.dataset.count = String(wanted.length);
    this.element.classList.toggle("alone", this.call.others.length === 0);
  }

  /** The picture to float over other windows: a screen, who speaks, or the first with a picture. */
  main(): HTMLVideoElement | null {
    const keys = [
      ...this.call.others.map((seat) => `${seat.participant}/screen`),
      ...this.call.room.speaking,
      ...this.shown.keys(),
    ];
    for (const key of keys) {
      const video = this.shown.get(key)?.video;
      if (video && !video.hidden && key !== "me") return video;
    }
    return null;
  }

  private person(tile: Tile, seat: Seat): void {
    const { tier, choice, receivesVideo } = this.call;
    const isUnseen = this.call.room.unseen.tracks.includes(`${seat.participant}/video`);
    const shown = seat.present && seat.video && receivesVideo && !isUnseen;
    picture(tile, shown ? this.call.track(seat.participant, "video") : null);
    const isHeard = seat.present && seat.audio && this.call.room.speaking.includes(seat.participant);
    tile.element.classList.toggle("speaking", isHeard);
    tile.element.classList.toggle("away", !seat.present);
    voice(tile, seat, isHeard);
    const withheld = receivesVideo ? "" : whyNoVideo(tier, choice !== "auto").title;
    note(tile, whyNoPicture(seat, isUnseen ? cannotShow() : withheld));
  }

  private screen(tile: Tile, seat: Seat): void {
    tile.element.classList.add("screen");
    picture(tile, this.call.receivesVideo ? this.call.track(seat.participant, "screen") : null);
    const words = seat.sound
      ? t("{name} shows a screen with sound", { name: seat.name })
      : t("{name} shows a screen", { name: seat.name });
    const isUnseen = this.call.room.unseen.tracks.includes(`${seat.participant}/screen`);
    name(tile, words, seat.sound ? "volume-2" : "monitor-up", "");
    note(tile, isUnseen ? cannotShow() : "");
  }

  private self(tile: Tile): void {
    const { devices, wants } = this.call;
    tile.element.classList.add("mine");
    tile.element.classList.toggle("mirrored", devices.facing === "user");
    picture(tile, wants.video ? devices.tracks.video : null);
    name(tile, t("You"), wants.audio && devices.tracks.audio ? "" : "mic-off", t("muted"));
    note(tile, tile.video.hidden ? t("Your camera is off") : "");
  }
}

function cannotShow(): string {
  return t("This picture cannot be shown here: there is no common video format. The voice goes on.");
}

/** The line on a tile without picture; "" where nothing is missing. */
function whyNoPicture(seat: Seat, withheld: string): string {
  if (!seat.present) return t("{name} is on the way back. The place is kept.", { name: seat.name });
  if (seat.paused) return t("The line of {name} is weak: voice only for now.", { name: seat.name });
  return seat.video && seat.tracks.includes("video") ? withheld : t("Camera off");
}

function voice(tile: Tile, seat: Seat, isHeard: boolean): void {
  if (seat.hand) name(tile, seat.name, "hand", t("hand raised"));
  else if (!seat.audio || !seat.tracks.includes("audio")) name(tile, seat.name, "mic-off", t("muted"));
  else if (isHeard) name(tile, seat.name, "volume-2", t("speaking"));
  else name(tile, seat.name, "", "");
}

function make(key: string): Tile {
  const video = el("video", { playsinline: true, muted: true, autoplay: true });
  video.muted = true; // sound comes from `Sound`: a picture may then start without a touch
  const label = el("p", { class: "name" });
  const line = el("p", { class: "note-line" });
  const element = el("div", { class: "video", "data-participant": key }, video, line, label);
  return { element, video, name: label, note: line };
}

function picture(tile: Tile, track: MediaStreamTrack | null): void {
  setTrack(tile.video, track);
  tile.video.hidden = track === null;
}

function name(tile: Tile, text: string, sign: string, word: string): void {
  const key = `${text}|${sign}`;
  if (tile.name.dataset.key === key) return;
  tile.name.dataset.key = key;
  tile.name.replaceChildren(
    ...(sign ? [icon(sign, true), el("span", { class: "unseen" }, word)] : []),
    el("span", {}, text),
  );
}

function note(tile: Tile, text: string): void {
  if (tile.note.textContent !== text) tile.note.textContent = text;
  tile.note.hidden = text === "";
}

/** Everybody's voice, one element each. Where the browser wants a touch first, `blocked` asks for it. */
export class Sound {
  readonly element = el("div", { hidden: true });
  private readonly voices = new Map<string, HTMLAudioElement>();

  constructor(
    private readonly call: Call,
    private readonly blocked: (isBlocked: boolean) => void,
  ) {}

  update(): void {
    for (const [who, voice] of this.voices)
      if (!this.call.seats.has(who)) {
        voice.srcObject = null;
        voice.remove();
        this.voices.delete(who);
      }
    for (const seat of this.call.others) {
      const track = this.call.track(seat.participant, "audio");
      let voice = this.voices.get(seat.participant);
      if (!voice) {
        voice = el("audio", { autoplay: true });
        this.voices.set(seat.participant, voice);
        this.element.append(voice);
      }
      const now = voice.srcObject instanceof MediaStream ? voice.srcObject.getTracks()[0] : undefined;
      if (now === (track ?? undefined)) continue;
      voice.srcObject = track ? new MediaStream([track]) : null;
      if (track) this.play(voice);
    }
  }

  /** After a touch. */
  start(): void {
    this.blocked(false);
    for (const voice of this.voices.values()) if (voice.srcObject) this.play(voice);
  }

  async useSpeaker(id: string): Promise<void> {
    for (const voice of this.voices.values())
      if ("setSinkId" in voice) await voice.setSinkId(id).catch(() => undefined);
  }

  stop(): void {
    for (const voice of this.voices.values()) voice.srcObject = null;
    this.voices.clear();
    this.element.replaceChildren();
  }

  private play(voice: HTMLAudioElement): void {
    voice.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.blocked(true);
    });
  }
}
