import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Call, type Told } from "../src/call/call";
import { raised } from "../src/call/hands";
import { Tiles } from "../src/call/tiles";
import { FakeSocket, seat, welcome } from "./exchange";

class FakeSender {
  constructor(public track: MediaStreamTrack | null) {}
  encodings = [{ active: true }];
  getParameters(): { encodings: { active: boolean }[] } {
    return { encodings: this.encodings.map((one) => ({ ...one })) };
  }
  setParameters(given: { encodings: { active: boolean }[] }): Promise<void> {
    this.encodings = given.encodings;
    return Promise.resolve();
  }
  replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.track = track;
    return Promise.resolve();
  }
}

class FakeConnection extends EventTarget {
  static made: FakeConnection[] = [];
  connectionState = "connected";
  iceConnectionState = "connected";
  signalingState = "stable";
  localDescription: RTCSessionDescriptionInit | null = null;
  currentRemoteDescription: RTCSessionDescriptionInit | null = null;
  transceivers: { mid: string; direction: string; currentDirection: string | null; sender: FakeSender }[] = [];
  constructor() {
    super();
    FakeConnection.made.push(this);
  }
  addTransceiver(what: MediaStreamTrack | string, { direction }: { direction: string }): unknown {
    const sender = new FakeSender(typeof what === "string" ? null : what);
    const made = { mid: String(this.transceivers.length), direction, currentDirection: null, sender };
    this.transceivers.push(made);
    return made;
  }
  getTransceivers(): unknown[] {
    return this.transceivers;
  }
  createOffer(): Promise<RTCSessionDescriptionInit> {
    return Promise.resolve({ type: "offer", sdp: "m=audio 9 X 111\r\na=rtpmap:111 opus/48000/2\r\n" });
  }
  setLocalDescription(given: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = given;
    this.signalingState = "have-local-offer";
    return Promise.resolve();
  }
  setRemoteDescription(given: RTCSessionDescriptionInit): Promise<void> {
    this.currentRemoteDescription = given;
    this.signalingState = "stable";
    return Promise.resolve();
  }
  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map<string, unknown>());
  }
  close(): void {
    this.connectionState = "closed";
  }
}

const track = (kind: string): MediaStreamTrack =>
  Object.assign(new EventTarget(), {
    kind,
    enabled: true,
    readyState: "live",
    stop: () => undefined,
  }) as MediaStreamTrack;

describe("a call hears the exchange", () => {
  let call: Call;
  let told: Told["what"][];
  const socket = (): FakeSocket => FakeSocket.made.at(-1) as FakeSocket;
  const said = (type: string): Record<string, unknown>[] => socket().sent.filter((word) => word.type === type);
  const picture = (): FakeSender | undefined =>
    FakeConnection.made.at(-1)?.transceivers.find(({ sender }) => sender.track?.kind === "video")?.sender;
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(10);
  const answered = async (): Promise<void> => {
    socket().say({ type: "answer", number: said("offer").at(-1)?.number, sdp: "v=0" });
    await settle();
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", Object.assign(FakeSocket, { OPEN: 1 }));
    vi.stubGlobal("RTCPeerConnection", FakeConnection);
    vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"ticket":"t","rtc":"/rtc"}', { status: 201 })));
    FakeSocket.made = [];
    FakeConnection.made = [];
    sessionStorage.clear();
    told = [];
    call = new Call("c", "/api/v1/consults/x/calls", { changed: () => undefined, told: ({ what }) => told.push(what) });
    call.devices.tracks.audio = track("audio");
    call.devices.tracks.video = track("video");
    call.join();
    await settle();
    socket().open();
    socket().say({ ...welcome, seats: [seat("a", ["audio", "video"])] });
    await settle();
    await answered();
    await answered(); // the first offer was overtaken by the tracks that came meanwhile
  });
  afterEach(() => {
    call.leave();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("and asks for lost voice in what it offers", () => {
    expect(said("offer")[0]?.sdp).toContain("a=rtcp-fb:111 nack\r\n");
  });

  it("offers anew when it is asked to, and after the answer that is under way", async () => {
    const before = said("offer").length;
    socket().say({ type: "reoffer", reason: "codec" });
    await settle();
    expect(said("offer").length).toBe(before + 1);
    socket().say({ type: "reoffer", reason: "codec" });
    await settle();
    expect(said("offer").length).toBe(before + 1);
    await answered();
    expect(said("offer").length).toBe(before + 2);
  });

  it("pauses one's own picture on a weak uplink, says so to both sides, and goes on when it is better", async () => {
    for (const tier of ["medium", "low"]) socket().say({ type: "tier", tier, reason: "uplink", send_bps: 90_000 });
    await settle();
    expect([picture()?.encodings[0]?.active, told]).toEqual([true, []]);
    socket().say({ type: "tier", tier: "voice", reason: "uplink", send_bps: 60_000 });
    await settle();
    expect([picture()?.encodings[0]?.active, told]).toEqual([false, ["paused"]]);
    expect(said("state").at(-1)).toMatchObject({ audio: true, video: false });
    expect([call.sendsVideo, call.receivesVideo]).toEqual([false, true]);
    socket().say({ type: "tier", tier: "low", reason: "uplink", send_bps: 90_000 });
    await settle();
    expect([picture()?.encodings[0]?.active, told]).toEqual([true, ["paused", "shown"]]);
    expect(said("state").at(-1)).toMatchObject({ video: true });
  });

  it("shows others' pictures only while the downlink carries them, or where the person chose so", async () => {
    socket().say({ type: "tier", tier: "voice", reason: "downlink", send_bps: 600_000 });
    await settle();
    expect([call.tier, call.receivesVideo, call.sendsVideo]).toEqual(["voice", false, true]);
    expect(picture()?.encodings[0]?.active).toBe(true);
    call.pick("low");
    expect(call.receivesVideo).toBe(true);
    call.pick("auto");
    expect(call.receivesVideo).toBe(false);
    socket().say({ type: "tier", tier: "high", reason: "downlink", send_bps: 600_000 });
    expect(call.receivesVideo).toBe(true);
  });

  it("says on both sides where there is no common video format, until there is one or another page begins", () => {
    vi.stubGlobal("MediaStream", class extends MediaStream {
      constructor(private readonly tracks: MediaStreamTrack[]) {
        super();
      }
      override getTracks = (): MediaStreamTrack[] => this.tracks;
    }); // prettier-ignore
    const tiles = new Tiles(call);
    const notes = (): string[] => {
      tiles.update();
      return [...tiles.element.querySelectorAll(".note-line")].map((line) => line.textContent.split(":")[0] ?? "");
    };
    expect(notes()).toEqual(["", ""]);
    socket().say({ type: "unseen", tracks: ["a/video"], by: ["a", "gone"] });
    expect(call.room.unseenBy).toBe("a");
    expect(notes()).toEqual(["This picture cannot be shown here", ""]);
    socket().say({ type: "unseen", tracks: [], by: [] });
    expect(call.room.unseenBy).toBe("");
    expect(notes()).toEqual(["", ""]);
    socket().say({ type: "unseen", tracks: ["a/video"], by: [] });
    socket().say({ ...welcome, seats: [seat("a", ["audio", "video"])], resumed: true });
    expect(notes()).toEqual(["This picture cannot be shown here", ""]);
    socket().say({ ...welcome, seats: [seat("a", ["audio", "video"])] });
    expect(notes()).toEqual(["", ""]);
  });

  it("forgets the network's word with the connection that it was about, and tells again what was chosen", async () => {
    socket().say({ type: "tier", tier: "voice", reason: "uplink", send_bps: 60_000 });
    call.pick("voice");
    socket().close();
    await vi.advanceTimersByTimeAsync(1_000);
    socket().open();
    socket().say({ ...welcome, resumed: false });
    await settle();
    expect([call.sendsVideo, call.tier]).toEqual([true, "voice"]);
    expect(said("ladder")).toEqual([{ type: "ladder", choice: "voice" }]);
  });

  it("lists raised hands in the order they went up, says whose is new, and lowers by asking the exchange", () => {
    const up = (who: string, hand: number): void => socket().say({ type: "seat", seat: { ...seat(who, []), hand } });
    up("b", 0);
    up("b", 1);
    up("a", 2);
    socket().say({ type: "seat", seat: { ...seat("me", []), hand: 3 } });
    expect(raised(call.seats.values()).map(({ participant }) => participant)).toEqual(["b", "a", "me"]);
    expect(told).toEqual(["came", "hand", "hand", "came"]);
    expect(call.hasHandUp).toBe(true);
    call.hand(false);
    call.hand(false, "b");
    expect(said("hand")).toEqual([
      { type: "hand", up: false },
      { type: "hand", up: false, participant: "b" },
    ]);
    expect(raised(call.seats.values())).toHaveLength(3); // until the exchange says so
  });

  it("shows who waits to those who may let them in, and asks the exchange to let them in or to turn them away", () => {
    socket().say({ type: "knock", who: { participant: "p", name: "高守田", role: "patient" } });
    expect([told, [...call.room.asking.keys()]]).toEqual([["knock"], ["p"]]);
    call.answer("p", true);
    expect(said("admit")).toEqual([{ type: "admit", participant: "p", welcome: true }]);
    call.answer("p", false);
    expect(said("admit").at(-1)).toEqual({ type: "admit", participant: "p", welcome: false });
    socket().say({ type: "knock_gone", participant: "p", outcome: "admitted" });
    expect([...call.room.asking.keys()]).toEqual([]);
  });

  it("stands at the door without media, and is in when somebody says so", async () => {
    socket().close();
    await vi.advanceTimersByTimeAsync(1_000);
    socket().open();
    const connections = FakeConnection.made.length;
    socket().say({ type: "waiting", version: 1, participant: "me" });
    await settle();
    expect([call.phase, said("offer"), FakeConnection.made.length]).toEqual(["door", [], connections]);
    socket().say(welcome);
    await settle();
    expect([call.phase, said("offer").length]).toEqual(["in", 1]);
  });

  it("records by asking the exchange, with one's own yes first, and knows whose yes is missing", () => {
    socket().say({ type: "seat", seat: seat("me", []) });
    call.record(true);
    expect(socket().sent.slice(-2)).toEqual([
      { type: "consent", given: true },
      { type: "record", on: true, paused: false },
    ]);
    socket().say({ type: "recording", on: true, paused: false, by: "me" });
    socket().say({ type: "seat", seat: { ...seat("me", []), consent: true } });
    expect([call.hasAgreed, call.room.recording.on]).toEqual([true, true]);
    expect(call.room.undecided.map(({ participant }) => participant)).toEqual(["a"]);
    call.record(true, true);
    call.agree(false);
    expect(socket().sent.slice(-2)).toEqual([
      { type: "record", on: true, paused: true },
      { type: "consent", given: false },
    ]);
  });
});
