/**
 * One media connection with the exchange. This side always offers: own tracks in sending places, others' tracks in receiving
 * ones. Offers go out one at a time, numbered. A line that breaks is mended by an ICE restart; when that does not help,
 * `lost` says that a new connection is needed. Must not know the socket or the page.
 */

import { rearrange, type Place } from "./plan";
import { askForVoiceAgain } from "./voice";
import type { Label, Offer, Reply } from "./wire";

export interface ConnectionEvents {
  /** Sends the offer; false while there is no socket: it is offered again when `refresh` is called. */
  offer: (offer: Offer) => boolean;
  /** Tracks or the line's state changed. */
  changed: () => void;
  /** Beyond repair: make a new one. */
  lost: () => void;
}

const ANSWER_MS = 8_000;
const RESTART_AFTER_MS = 1_500;
const GIVE_UP_AFTER_MS = 9_000;
const AGAIN_MS = 400;
/** The camera in several sizes, the smallest first: it and a voice fit into 150 kbit/s. Chromium sends three only of large ones. */
const layersOf = (track: MediaStreamTrack | null): RTCRtpEncodingParameters[] => {
  const isLarge = (track?.getSettings().width ?? 0) >= 960;
  return [
    { rid: "q", scaleResolutionDownBy: isLarge ? 4 : 2, maxBitrate: 65_000 },
    ...(isLarge ? [{ rid: "h", scaleResolutionDownBy: 2, maxBitrate: 350_000 }] : []),
    { rid: "f" },
  ];
};

interface Sending {
  transceiver: RTCRtpTransceiver;
  active: boolean;
}

interface Receiving extends Place {
  transceiver: RTCRtpTransceiver;
}

export class Connection {
  readonly pc: RTCPeerConnection;
  private readonly sending = new Map<Label, Sending>();
  private readonly receiving: Receiving[] = [];
  private wanted: readonly string[] = [];
  private number = 0;
  private awaited = -1;
  private due = false;
  private restartDue = false;
  private closed = false;
  private answerTimer: ReturnType<typeof setTimeout> | undefined;
  private restartTimer: ReturnType<typeof setTimeout> | undefined;
  private giveUpTimer: ReturnType<typeof setTimeout> | undefined;
  private everUp = false;
  private paused = false;
  private smaller = false;
  private layered = false;
  /** The camera's other sending place: in one size, or in several. */
  private other: RTCRtpTransceiver | null = null;

  constructor(
    iceServers: RTCIceServer[],
    private readonly events: ConnectionEvents,
  ) {
    this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.pc.addEventListener("iceconnectionstatechange", () => this.watch());
    this.pc.addEventListener("connectionstatechange", () => this.watch());
  }

  get up(): boolean {
    return this.pc.connectionState === "connected";
  }

  // ---------------------------------------------------------------- tracks
  /** Send a track, another one in its place (without renegotiation), or none any more. */
  async send(label: Label, track: MediaStreamTrack | null): Promise<void> {
    const known = this.sending.get(label);
    if (known) {
      await known.transceiver.sender.replaceTrack(track);
      const active = track !== null;
      if (known.active === active) return;
      known.active = active;
      known.transceiver.direction = active ? "sendonly" : "inactive";
    } else {
      if (!track) return;
      const transceiver = this.pc.addTransceiver(track, { direction: "sendonly" });
      this.sending.set(label, { transceiver, active: true });
    }
    if (label === "video") await this.obey();
    this.refresh();
  }

  /** Pause the camera, or send it smaller; without renegotiation, so that it is there again at once. */
  async limit(paused: boolean, smaller: boolean): Promise<void> {
    if (paused === this.paused && smaller === this.smaller) return;
    this.paused = paused;
    this.smaller = smaller;
    await this.obey();
  }

  /** Send the camera in several sizes, or in one; the two places change over in one offer. */
  private async layer(on: boolean): Promise<void> {
    const camera = this.sending.get("video");
    if (!camera || on === this.layered) return;
    this.layered = on;
    const { transceiver, active } = camera;
    const { track } = transceiver.sender;
    camera.transceiver =
      this.other ?? this.pc.addTransceiver("video", { direction: "inactive", sendEncodings: layersOf(track) });
    this.other = transceiver;
    transceiver.direction = "inactive";
    camera.transceiver.direction = active ? "sendonly" : "inactive";
    await camera.transceiver.sender.replaceTrack(track);
    await this.obey();
    this.refresh();
  }

  /** Receive exactly these tracks (`participant/label`). */
  want(tracks: readonly string[]): void {
    this.wanted = tracks;
    if (rearrange(this.receiving, tracks).length > 0) this.refresh();
  }

  /** A received track, or null while it has not come. */
  track(name: string): MediaStreamTrack | null {
    const place = this.receiving.find((one) => one.track === name);
    if (!place?.transceiver.currentDirection?.includes("recv")) return null;
    return place.transceiver.receiver.track;
  }

  // ---------------------------------------------------------------- offer and answer
  /** Offer what there is now, as soon as the last offer is answered. */
  refresh(): void {
    this.due = true;
    void this.negotiate();
  }

  /** The network changed or broke: find a new way for the same media. */
  restart(): void {
    this.restartDue = true;
    this.refresh();
  }

  /** What the exchange says about this connection. */
  async hear(word: Extract<Reply, { type: "answer" | "reoffer" | "layers" }>): Promise<void> {
    if (word.type === "answer") await this.answered(word.number, word.sdp);
    else if (word.type === "layers") await this.layer(word.on);
    else this.refresh();
  }

  private async answered(number: number, sdp: string): Promise<void> {
    if (number !== this.awaited || this.closed) return;
    this.endWaiting();
    try {
      await this.pc.setRemoteDescription({ type: "answer", sdp });
    } catch (error) {
      console.warn("The answer could not be used", error);
      this.giveUp();
      return;
    }
    this.events.changed();
    void this.negotiate();
  }

  /** The offer was refused, mostly because somebody left at the same moment: offer again what holds then. */
  async refused(number: number | null | undefined): Promise<void> {
    if (number !== this.awaited || this.closed) return;
    await this.retract();
    setTimeout(() => this.refresh(), AGAIN_MS);
  }

  /** The socket is gone: an offer under way will not be answered. */
  async interrupted(): Promise<void> {
    if (this.awaited >= 0) await this.retract();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.answerTimer);
    clearTimeout(this.restartTimer);
    clearTimeout(this.giveUpTimer);
    this.pc.close();
  }

  // ---------------------------------------------------------------- inside
  private async negotiate(): Promise<void> {
    if (this.closed || !this.due || this.awaited >= 0) return;
    this.due = false;
    this.arrange();
    if (this.pc.getTransceivers().length === 0) return;
    const number = ++this.number;
    this.awaited = number;
    try {
      await this.describe(await this.pc.createOffer({ iceRestart: this.restartDue }));
    } catch (error) {
      console.warn("No offer could be made", error);
      this.endWaiting();
      this.giveUp();
      return;
    }
    // Closed or retracted while the browser was thinking: TypeScript does not see that both may change meanwhile.
    if ((this.closed as boolean) || this.awaited !== number) return;
    const sent = this.events.offer({ number, sdp: this.pc.localDescription?.sdp ?? "", ...this.names() });
    if (!sent) {
      await this.retract();
      return;
    }
    this.restartDue = false;
    this.answerTimer = setTimeout(() => {
      void this.retract().then(() => this.refresh());
    }, ANSWER_MS);
  }

  private async describe(offer: RTCSessionDescriptionInit): Promise<void> {
    try {
      await this.pc.setLocalDescription({ type: "offer", sdp: askForVoiceAgain(offer.sdp ?? "") });
    } catch (error) {
      if (this.closed) throw error;
      console.warn("This browser describes itself only in its own words", error);
      await this.pc.setLocalDescription(offer);
    }
  }

  private async obey(): Promise<void> {
    const sender = this.sending.get("video")?.transceiver.sender;
    const given = sender?.getParameters();
    if (!given) return;
    const before = JSON.stringify(given.encodings);
    given.encodings.forEach((one, at, { length }) => {
      // Smaller is half the size where there is one, and all but the largest where there are several.
      one.active = !this.paused && !(this.smaller && length > 1 && at === length - 1);
      if (length === 1 && (this.smaller || one.scaleResolutionDownBy === 2))
        one.scaleResolutionDownBy = this.smaller ? 2 : 1;
    });
    if (JSON.stringify(given.encodings) === before) return;
    try {
      await sender?.setParameters(given);
    } catch (error) {
      console.warn("The browser goes on sending as it did", error);
    }
  }

  private arrange(): void {
    // A section that the other side rejected is stopped: its place is gone.
    for (let index = this.receiving.length - 1; index >= 0; index -= 1)
      if (this.receiving[index]?.transceiver.currentDirection === "stopped") this.receiving.splice(index, 1);
    for (const step of rearrange(this.receiving, this.wanted)) {
      const place = this.receiving[step.place];
      if (place) {
        place.track = step.track;
        place.transceiver.direction = step.track === null ? "inactive" : "recvonly";
      } else {
        const transceiver = this.pc.addTransceiver(step.kind, { direction: "recvonly" });
        this.receiving.push({ kind: step.kind, track: step.track, transceiver });
      }
    }
  }

  private names(): { sends: Record<string, Label>; takes: Record<string, string> } {
    const sends: Record<string, Label> = {};
    const takes: Record<string, string> = {};
    for (const [label, { transceiver, active }] of this.sending)
      if (active && transceiver.mid !== null) sends[transceiver.mid] = label;
    for (const { transceiver, track } of this.receiving)
      if (track !== null && transceiver.mid !== null) takes[transceiver.mid] = track;
    return { sends, takes };
  }

  private async retract(): Promise<void> {
    this.endWaiting();
    this.due = true;
    if (!this.closed && this.pc.signalingState === "have-local-offer") {
      const fresh = this.pc.currentRemoteDescription === null;
      try {
        await this.pc.setLocalDescription({ type: "rollback" });
      } catch (error) {
        console.warn("An offer could not be taken back", error);
        this.giveUp();
        return;
      }
      // Taking back the first offer of all takes the places' ids too; they come again with the next offer.
      if (fresh) this.restartDue = false;
    }
  }

  private endWaiting(): void {
    clearTimeout(this.answerTimer);
    this.awaited = -1;
  }

  private watch(): void {
    if (this.closed) return;
    const ice = this.pc.iceConnectionState;
    if (ice === "connected" || ice === "completed") {
      this.everUp = true;
      clearTimeout(this.restartTimer);
      clearTimeout(this.giveUpTimer);
      this.restartTimer = this.giveUpTimer = undefined;
    } else if (ice === "disconnected" || ice === "failed") {
      this.restartTimer ??= setTimeout(
        () => {
          this.restartTimer = undefined;
          if (this.everUp) this.restart();
        },
        ice === "failed" ? 0 : RESTART_AFTER_MS,
      );
      this.giveUpTimer ??= setTimeout(() => this.giveUp(), GIVE_UP_AFTER_MS);
    }
    if (this.pc.connectionState === "failed" && ice !== "failed") this.giveUp();
    this.events.changed();
  }

  private giveUp(): void {
    if (this.closed) return;
    this.close();
    this.events.lost();
  }
}
