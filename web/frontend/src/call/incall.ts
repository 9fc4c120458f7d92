/** The call on the page: people, words, controls, the sign of the line; as a page of its own, beside films, or as a tile. */

import "./call.css";
import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Showing } from "../showing";
import type { Call, Told } from "./call";
import { Chat } from "./chat";
import { Controls } from "./controls";
import { aloneInside, atTheDoor, Door } from "./door";
import { float, movable } from "./float";
import { Hands } from "./hands";
import { helpCard, problemOf } from "./help";
import { whyNoVideo } from "./ladder";
import type { Sign } from "./quality";
import { RecordingSign } from "./recording";
import { words } from "./news";
import { Settings } from "./settings";
import { Sound, Tiles } from "./tiles";

export interface Place {
  host: HTMLElement;
  patient: boolean;
  tile: boolean;
  messages: string | undefined;
  events: string | undefined;
  topic: string | undefined;
  films: string | undefined;
  page: string | undefined;
  back: string | undefined;
  zone: string | undefined;
}

const TOAST_MS = 5_000;

export class InCall {
  private readonly root: HTMLElement;
  private readonly tiles: Tiles;
  private readonly sound: Sound;
  private readonly controls: Controls;
  private readonly door: Door;
  private readonly hands: Hands;
  private readonly recording: RecordingSign;
  private readonly settings: Settings;
  private readonly chat: Chat | null;
  /** Whoever treats shows films: not a patient's page. */
  private readonly showing: Promise<Showing> | null;
  private readonly line = el("p", { class: "line", role: "status" });
  private readonly notice = el("div", { class: "ladder", role: "status", hidden: true });
  private readonly waiting = el("div", { class: "waiting", role: "status", hidden: true });
  private readonly touch = el(
    "button",
    { type: "button", class: "touch", hidden: true },
    icon("volume-2"),
    t("Tap here to hear the others"),
  );
  private readonly help = el("div", { class: "call-help-place" });
  private readonly toasts = el("div", { class: "toasts", role: "status" });
  private unread = 0;
  private helped = "";
  private dismissed = "";

  constructor(
    private readonly call: Call,
    private readonly place: Place,
  ) {
    const { patient, tile } = place;
    this.tiles = new Tiles(call);
    this.sound = new Sound(call, (isBlocked) => (this.touch.hidden = !isBlocked));
    this.touch.addEventListener("click", () => this.sound.start());
    this.door = new Door(call);
    this.hands = new Hands(call);
    this.recording = new RecordingSign(call);
    this.settings = new Settings(call, (id) => void this.sound.useSpeaker(id));
    this.chat =
      place.messages && !tile
        ? new Chat(
            place.messages,
            place.events,
            place.topic,
            () => call.tell("chat", {}),
            (count) => this.news(count),
            place.zone,
          )
        : null;
    this.showing = patient ? null : import("../showing").then(({ Showing }) => new Showing(call));
    this.controls = new Controls(call, {
      patient,
      small: tile,
      settings: () => this.settings.open(),
      float: () => void float(this.tiles.element, () => this.tiles.main()).catch(() => undefined),
      chat: this.chat ? () => this.toggleChat() : null,
    });
    // What stood on the page before need not be said again at once.
    const known = problemOf(call);
    this.dismissed = known ? `${known.trouble} ${known.need}` : "";
    this.root = el("div", { class: `incall room ${tile ? "tile" : patient ? "plain-call" : "desk-call"}` });
    this.build();
  }

  /** Draw what holds now. */
  update(): void {
    this.tiles.update();
    this.sound.update();
    this.controls.update(this.unread);
    this.door.update();
    this.hands.update();
    this.recording.update();
    this.settings.update();
    this.drawLine();
    this.drawLadder();
    this.drawWaiting();
    this.drawHelp();
    this.root.dataset.phase = this.call.phase;
    void this.showing?.then((showing) => showing.update());
  }

  tell(what: Told): void {
    if (what.what === "back") void this.showing?.then((showing) => showing.again());
    const text = words(what);
    if (!text) return;
    const toast = el("p", { class: "toast" }, text);
    this.toasts.append(toast);
    setTimeout(() => toast.remove(), TOAST_MS);
  }

  /** Somebody wrote: they say so through the room, so that nobody has to wait for the next look. */
  shared(topic: string, body: Record<string, unknown>, participant: string): void {
    if (topic === "chat") void this.chat?.fetch();
    if (topic === "view") void this.showing?.then((showing) => showing.hear(body, participant));
  }

  stop(): void {
    this.chat?.stop();
    void this.showing?.then((showing) => showing.stop());
    this.sound.stop();
    this.root.remove();
  }

  // ---------------------------------------------------------------- building
  private build(): void {
    const { place, root } = this;
    const head = el("div", { class: "call-head" }, this.line);
    if (place.tile) {
      head.prepend(movable(root));
      if (place.page) head.append(el("a", { class: "link", href: place.page }, icon("maximize"), t("Large")));
    } else if (place.films && !place.patient) head.append(this.filmsSwitch(place.films));
    const stage = el(
      "section",
      { class: "people", "aria-label": t("People in the call") },
      this.tiles.element,
      this.waiting,
    );
    const asks = el("div", { class: "asks" }, this.recording.element, this.door.element, this.hands.element);
    root.append(head, this.notice, this.help, this.touch, asks, stage);
    if (this.chat) root.append(this.chat.element);
    root.append(this.controls.element, this.toasts, this.sound.element, this.settings.dialog);
    place.host.append(root);
  }

  private filmsSwitch(films: string): HTMLElement {
    const control = el(
      "button",
      { type: "button", class: "films-switch", "aria-pressed": "false" },
      icon("scan-eye"),
      t("Films beside"),
    );
    const frame = el("iframe", { class: "films", title: t("Films"), hidden: true });
    this.root.append(frame);
    const listen = (): void => {
      const page = frame.contentDocument;
      if (page) void this.showing?.then((showing) => (frame.hidden ? showing.close(page) : showing.watch(page)));
    };
    frame.addEventListener("load", listen);
    control.addEventListener("click", () => {
      const on = this.root.classList.toggle("with-films");
      if (!frame.src) frame.src = films;
      frame.hidden = !on;
      listen();
      control.setAttribute("aria-pressed", String(on));
    });
    return control;
  }

  private toggleChat(): void {
    this.root.classList.toggle("chat-open");
    this.unread = 0;
    this.update();
  }

  private news(count: number): void {
    const visible = getComputedStyle(this.chat?.element ?? this.root).display !== "none";
    this.unread = visible ? 0 : this.unread + count;
    this.update();
  }

  // ---------------------------------------------------------------- drawing
  private drawLine(): void {
    const { grade, reason: text } = this.lineNow();
    if (this.line.dataset.text === text + grade) return;
    this.line.dataset.text = text + grade;
    this.line.dataset.grade = grade;
    const bars = el("span", { class: `bars ${grade}`, "aria-hidden": "true" }, el("i"), el("i"), el("i"), el("i"));
    this.line.replaceChildren(bars, el("span", {}, text));
  }

  private lineNow(): Sign {
    const { call } = this;
    if (call.phase === "joining") return { grade: "none", reason: t("You are being let in…") };
    if (call.phase === "door") return { grade: "good", reason: t("You are connected and wait to be let in") };
    if (call.phase === "away")
      return {
        grade: "none",
        reason: t("The line is broken. You are brought back by itself (attempt {n}).", { n: call.attempt }),
      };
    const isShown = call.wants.video && call.devices.tracks.video !== null;
    if (isShown && !call.sendsVideo)
      return { grade: "poor", reason: t("Your picture is paused: the network is weak. You are heard.") };
    const names = isShown && call.room.unseenBy;
    if (!names) return call.quality;
    const reason = t("{names} cannot be shown your picture: there is no common video format. You are heard.", {
      names,
    });
    return { grade: "fair", reason };
  }

  private drawLadder(): void {
    const { call } = this;
    const weak = !call.receivesVideo && call.others.some((seat) => seat.video && seat.tracks.includes("video"));
    this.notice.hidden = !weak || call.phase !== "in";
    const key = `${call.tier} ${call.choice}`;
    if (this.notice.hidden || this.notice.dataset.key === key) return;
    this.notice.dataset.key = key;
    const why = whyNoVideo(call.tier, call.choice !== "auto");
    const again = call.choice === "auto" ? t("Try video now") : t("Automatic");
    this.notice.replaceChildren(
      el("h2", {}, icon("video-off"), why.title),
      el("p", {}, why.text),
      el(
        "button",
        { type: "button", class: "plain", onclick: () => call.pick(call.choice === "auto" ? "low" : "auto") },
        again,
      ),
    );
  }

  private drawWaiting(): void {
    const { call, place } = this;
    const why = call.phase === "door" ? "door" : call.phase === "in" && call.others.length === 0 ? "alone" : "";
    if (why === (this.waiting.dataset.why ?? "")) return;
    this.waiting.dataset.why = why;
    this.waiting.hidden = !why;
    this.waiting.replaceChildren(
      ...(why === "door"
        ? atTheDoor()
        : place.patient
          ? aloneInside()
          : [
              el("h2", {}, t("Nobody else is here yet")),
              el("p", {}, t("The others see that you have come. You need not do anything.")),
            ]),
    );
  }

  private drawHelp(): void {
    const problem = this.call.phase === "in" ? problemOf(this.call) : null;
    const key = problem ? `${problem.trouble} ${problem.need}` : "";
    if (key === "") this.dismissed = "";
    const shown = key === this.dismissed || this.place.tile ? "" : key;
    if (shown === this.helped) return;
    this.helped = shown;
    if (!problem || !shown) {
      this.help.replaceChildren();
      return;
    }
    const card = helpCard(problem, () => void this.call.devices.open(this.call.wants));
    const go = el("button", { type: "button", class: "plain" }, t("Go on without it"));
    go.addEventListener("click", () => {
      this.dismissed = key;
      this.drawHelp();
    });
    card.append(go);
    this.help.replaceChildren(card);
  }
}
