/** One call of one person: brings session, connection and devices together and says when something changed. Draws nothing. */

import { sendJson } from "../http";
import type { Screen } from "../showing/screen";
import { Connection } from "./connection";
import { keep, recall } from "./choices";
import { Devices, type Input } from "./devices";
import { afterTier, hasVideo, receiving, UNHINDERED, type Network } from "./ladder";
import { Outside } from "./outside";
import { wantedTracks } from "./plan";
import { Gauge } from "./gauge";
import { sign, type Sign } from "./quality";
import { Session, type Ending, type Ticket } from "./session";
import { Room, type RoomNews, type RoomWord } from "./room";
import type { Choice, Reply, Seat, Welcome } from "./wire";

/** `door`: connected, and somebody inside has to let this person in. */
export type Phase = "before" | "joining" | "door" | "in" | "away" | Ending;

export interface CallEvents {
  changed: () => void;
  told: (what: Told) => void;
  shared?: (topic: string, body: Record<string, unknown>, participant: string) => void;
}

export type Told =
  | RoomNews
  | { what: "unplugged"; input: Input; now: string | null }
  | { what: "refused"; code: string; detail: string }
  | { what: "paused" | "shown" }
  | { what: "shared"; words: string }
  | { what: "back" };

const LOOK_EVERY_MS = 2_000;

export class Call {
  phase: Phase = "before";
  detail = "";
  attempt = 0;
  grants = new Set<string>();
  readonly room = new Room();
  network: Network = UNHINDERED;
  choice: Choice = "auto";
  quality: Sign = { grade: "none", reason: "" };
  readonly gauge = new Gauge();
  /** Whether the person wants to be heard and seen; a device may still be missing. */
  wants: Record<Input, boolean> = { audio: true, video: true };
  screen: Screen | null = null;
  readonly devices: Devices;
  private readonly session: Session;
  private connection: Connection | null = null;
  private iceServers: RTCIceServer[] = [];
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly outside = new Outside(
    () => this.networkChanged(),
    () => void this.wake(),
  );

  constructor(
    readonly name: string,
    private ticketUrl: string,
    private readonly events: CallEvents,
  ) {
    const kept = recall(name);
    this.wants = { audio: kept.audio, video: kept.video };
    this.devices = new Devices({
      changed: (input, track) => {
        if (input === "audio") this.sendVoice();
        else void this.connection?.send(input, track);
        this.sayState();
        this.events.changed();
      },
      unplugged: (input, now) => this.events.told({ what: "unplugged", input, now }),
      listed: () => this.events.changed(),
    });
    this.devices.chosen.audio = kept.microphone;
    this.devices.chosen.video = kept.camera;
    this.session = new Session({
      ticket: () => this.ticket(),
      mediaRuns: () => this.connection?.up ?? false,
      welcome: (welcome) => this.welcomed(welcome),
      word: (word) => this.hear(word),
      broken: (attempt) => this.broken(attempt),
      over: (ending, detail) => this.over(ending, detail),
    });
  }

  get me(): string {
    return this.room.me;
  }

  get seats(): ReadonlyMap<string, Seat> {
    return this.room.seats;
  }

  get isHost(): boolean {
    return this.grants.has("host");
  }

  get hasHandUp(): boolean {
    return (this.room.mine?.hand ?? 0) > 0;
  }

  get hasAgreed(): boolean {
    return this.room.mine?.consent ?? false;
  }

  get others(): Seat[] {
    return [...this.seats.values()].filter((seat) => seat.participant !== this.me);
  }

  /** The rung of the ladder on which others' pictures come. */
  get tier(): string {
    return receiving(this.network, this.choice);
  }

  get receivesVideo(): boolean {
    return hasVideo(this.tier);
  }

  /** Whether the network carries one's own picture. */
  get sendsVideo(): boolean {
    return hasVideo(this.network.sends);
  }

  track(participant: string, label: string): MediaStreamTrack | null {
    return this.connection?.track(`${participant}/${label}`) ?? null;
  }

  // ---------------------------------------------------------------- what a person does
  join(): void {
    this.phase = "joining";
    this.remember(true);
    this.outside.watch();
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.session.start();
    this.events.changed();
  }

  leave(): void {
    this.session.leave();
  }

  endForAll(): void {
    this.session.end();
  }

  /** One's own hand goes up or down; a host lowers another's. The exchange says when it is so. */
  hand(up: boolean, participant = ""): void {
    this.session.send({ type: "hand", up, ...(participant && { participant }) });
  }

  answer(participant: string, welcome: boolean): void {
    this.session.send({ type: "admit", participant, welcome });
  }

  record(on: boolean, paused = false): void {
    if (on && !this.hasAgreed) this.agree(true); // whoever begins agrees by that
    this.session.send({ type: "record", on, paused });
  }

  /** Agree to being recorded; a no ends the recording for everybody. */
  agree(given: boolean): void {
    this.session.send({ type: "consent", given });
  }

  remove(participant: string): void {
    this.session.send({ type: "remove", participant });
  }

  /** Be heard or seen, or not any more. A microphone stays open while muted, so that it is there at once; a camera is let go. */
  async set(input: Input, on: boolean): Promise<void> {
    this.wants[input] = on;
    this.remember(this.phase !== "before");
    if (on) await this.devices.open({ audio: input === "audio", video: input === "video" });
    else if (input === "video") this.devices.close("video");
    if (this.devices.tracks.audio) this.devices.tracks.audio.enabled = this.wants.audio;
    this.sayState();
    this.events.changed();
  }

  async choose(input: Input, id: string): Promise<void> {
    await this.devices.choose(input, id);
    keep(this.name, input === "audio" ? { microphone: id } : { camera: id });
    if (this.devices.tracks.audio) this.devices.tracks.audio.enabled = this.wants.audio;
    this.sayState();
    this.events.changed();
  }

  async share(): Promise<void> {
    if (this.screen) {
      this.stopSharing();
      return;
    }
    const { askForScreen } = await import("../showing");
    const screen = await askForScreen(() => {
      if (screen?.isOver) this.stopSharing();
      else this.sendScreen();
    });
    if (!screen) return;
    this.screen = screen;
    this.sendScreen();
    this.events.told({ what: "shared", words: screen.words });
  }

  pick(choice: Choice): void {
    this.choice = choice;
    this.session.send({ type: "ladder", choice });
    this.events.changed();
  }

  tell(topic: string, body: Record<string, unknown>): void {
    if (this.grants.has("share")) this.session.send({ type: "share", topic, body });
  }

  // ---------------------------------------------------------------- what the exchange says
  private async ticket(): Promise<Ticket> {
    const answer = await sendJson("POST", this.ticketUrl, {});
    const { ticket, rtc, visit } = answer;
    if (typeof ticket !== "string" || typeof rtc !== "string") throw new TypeError("The answer holds no ticket");
    // Who came into a follow-up comes back into the same one, whatever is on by then.
    if (typeof visit === "string" && /^\/api\/v1\/consults\/[^?]*$/.test(this.ticketUrl))
      this.ticketUrl += `?visit=${encodeURIComponent(visit)}`;
    return { ticket, rtc };
  }

  private welcomed(welcome: Welcome): void {
    const wasAway = this.phase === "away";
    this.phase = "in";
    this.attempt = 0;
    this.grants = new Set(welcome.grants);
    this.room.enter(welcome);
    this.iceServers = welcome.ice_servers.filter((server) => [server.urls].flat().length > 0);
    if (!welcome.resumed || !this.connection) {
      this.network = UNHINDERED;
      this.connect();
    }
    this.sayState();
    // Also `auto`: the exchange may remember what was chosen before a reload.
    this.session.send({ type: "ladder", choice: this.choice });
    this.connection?.want(wantedTracks(this.seats.values(), this.me));
    this.connection?.refresh();
    if (wasAway) this.events.told({ what: "back" });
    for (const [topic, body] of Object.entries(welcome.shared)) this.events.shared?.(topic, body, "");
    this.events.changed();
  }

  private hear(word: Reply): void {
    switch (word.type) {
      case "answer":
      case "reoffer":
      case "layers":
        void this.connection?.hear(word);
        return;
      case "refused":
        this.refused(word);
        return;
      case "waiting":
        this.phase = "door";
        this.attempt = 0;
        this.room.me = word.participant;
        this.events.changed();
        return;
      case "shared":
        this.events.shared?.(word.topic, word.body, word.participant);
        return;
      case "tier":
        this.adapt(afterTier(this.network, word));
        this.events.changed();
        return;
      case "welcome":
      case "closing":
      case "pong":
        return;
      default:
        this.note(word);
    }
  }

  private note(word: RoomWord): void {
    const news = this.room.hear(word);
    if (news) this.events.told(news);
    this.connection?.want(wantedTracks(this.seats.values(), this.me));
    this.events.changed();
  }

  private refused({ number, code, detail }: Extract<Reply, { type: "refused" }>): void {
    if (number !== undefined && number !== null) void this.connection?.refused(number);
    else this.events.told({ what: "refused", code, detail });
  }

  /** The network has become weaker or better: voice goes first, so one's own picture waits where it has no room. */
  private adapt(network: Network): void {
    const sent = this.sendsVideo;
    this.network = network;
    void this.connection?.limit(!this.sendsVideo, network.busy);
    if (sent === this.sendsVideo) return;
    if (this.wants.video && this.devices.tracks.video) this.events.told({ what: sent ? "paused" : "shown" });
    this.sayState();
  }

  private broken(attempt: number): void {
    this.attempt = attempt;
    if (this.phase === "in" || this.phase === "door") this.phase = "away";
    void this.connection?.interrupted();
    this.events.changed();
  }

  private over(ending: Ending, detail: string): void {
    this.phase = ending;
    this.detail = detail;
    this.remember(false);
    clearInterval(this.timer);
    this.outside.stop();
    this.connection?.close();
    this.connection = null;
    this.screen?.stop();
    this.screen = null;
    this.devices.dispose();
    this.events.changed();
  }

  // ---------------------------------------------------------------- inside
  private connect(): void {
    this.connection?.close();
    const connection = new Connection(this.iceServers, {
      offer: (offer) => this.session.send({ type: "offer", ...offer }),
      changed: () => this.events.changed(),
      lost: () => {
        if (this.connection !== connection) return;
        this.connect();
        this.connection.want(wantedTracks(this.seats.values(), this.me));
      },
    });
    this.connection = connection;
    this.gauge.reset();
    if (this.devices.tracks.video) void connection.send("video", this.devices.tracks.video);
    this.sendVoice();
    if (this.screen) void connection.send("screen", this.screen.picture);
  }

  private sendVoice(): void {
    const { audio } = this.devices.tracks;
    void this.connection?.send("audio", this.screen ? this.screen.voice(audio) : audio);
  }

  private sayState(): void {
    const has = (input: Input): boolean => this.wants[input] && this.devices.tracks[input] !== null;
    const [video, paused] = [has("video") && this.sendsVideo, has("video") && !this.sendsVideo];
    const [screen, sound] = [this.screen !== null, this.screen?.hasSound ?? false];
    this.session.send({ type: "state", audio: has("audio"), video, screen, sound, paused });
  }

  private stopSharing(): void {
    this.screen?.stop();
    this.screen = null;
    this.sendScreen();
  }

  private sendScreen(): void {
    void this.connection?.send("screen", this.screen?.picture ?? null);
    this.sendVoice();
    this.sayState();
    this.events.changed();
  }

  private networkChanged(): void {
    this.session.probe();
    this.connection?.restart();
  }

  /** After sleep or an interrupting phone call: is the line there, does the camera still give pictures? */
  private async wake(): Promise<void> {
    this.session.probe();
    for (const input of ["audio", "video"] as const)
      if (this.wants[input] && this.devices.tracks[input]?.readyState === "ended")
        await this.devices.choose(input, this.devices.chosen[input]);
  }

  private async look(): Promise<void> {
    const connection = this.connection;
    if (!connection || this.phase === "before") return;
    const { measured, theirLoss } = await this.gauge.look(connection.pc);
    const idle = connection.pc.getTransceivers().length === 0;
    if (connection.up) this.session.send({ type: "quality", ...measured });
    measured.busy ||= this.network.busy;
    this.quality = sign(measured, theirLoss, this.phase === "in" && (connection.up || idle));
    this.events.changed();
  }

  private remember(joined: boolean): void {
    keep(this.name, { joined, audio: this.wants.audio, video: this.wants.video });
  }
}
