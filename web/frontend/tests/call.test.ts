import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keep, recall } from "../src/call/choices";
import { messagesIn } from "../src/call/chat";
import { afterTier, hasVideo, receiving, rungOf, rungs, UNHINDERED, whyNoVideo } from "../src/call/ladder";
import { loudness } from "../src/call/meter";
import { labelOf, rearrange, wantedTracks, type Place } from "../src/call/plan";
import { figures, rates, sign, theirLoss, totals } from "../src/call/quality";
import { judge, Session, socketAddress, waitBefore, type Ending } from "../src/call/session";
import { browserOf, codeOf, headline, steps, troubleOf, type Trouble } from "../src/call/trouble";
import { askForVoiceAgain } from "../src/call/voice";
import { read, write } from "../src/call/wire";
import { Refusal } from "../src/http";
import { FakeSocket, seat, welcome } from "./exchange";

describe("words of the wire", () => {
  it("reads what the exchange says and nothing else", () => {
    expect(read(JSON.stringify(welcome))).toEqual(welcome);
    expect(read('{"type":"answer","number":3,"sdp":"v=0"}')).toMatchObject({ number: 3 });
    for (const wrong of ["", "{", "[]", "7", "null", '{"type":"hello"}', '{"type":"toString"}', '{"type":"answer"}'])
      expect(read(wrong), wrong).toBeNull();
    expect(read('{"type":"answer","number":"3","sdp":"v=0"}')).toBeNull();
    expect(read('{"type":"closing","code":"tired","again":true}')).toBeNull();
    expect(read(new ArrayBuffer(3))).toBeNull();
  });

  it("reads words of a newer exchange that only say more", () => {
    expect(read(JSON.stringify({ ...welcome, colour: "red" }))).not.toBeNull();
  });

  it("writes what it was given", () => {
    expect(JSON.parse(write({ type: "ladder", choice: "voice" }))).toEqual({ type: "ladder", choice: "voice" });
  });
});

describe("the offer", () => {
  const voice =
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n";
  const picture = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n";

  it("asks for lost voice in every section that has Opus, once, and leaves all else as it is", () => {
    const asked = voice.replace("opus/48000/2\r\n", "opus/48000/2\r\na=rtcp-fb:111 nack\r\n");
    expect(askForVoiceAgain(`v=0\r\n${voice}${picture}${voice}`)).toBe(`v=0\r\n${asked}${picture}${asked}`);
    expect(askForVoiceAgain(`v=0\r\n${asked}${voice}`)).toBe(`v=0\r\n${asked}${asked}`);
    expect(askForVoiceAgain(`v=0\r\n${picture}`)).toBe(`v=0\r\n${picture}`);
  });
});

describe("which tracks are received where", () => {
  it("wants what others send and never one's own", () => {
    const seats = [seat("me", ["audio", "video"]), seat("a/b", ["video", "audio"]), seat("c", ["screen"])];
    expect(wantedTracks(seats, "me")).toEqual(["a/b/audio", "a/b/video", "c/screen"]);
    expect(labelOf("a/b/audio")).toBe("audio");
  });

  it("uses a free place of the same kind again before it makes a new one", () => {
    const places: Place[] = [
      { kind: "audio", track: "a/audio" },
      { kind: "video", track: "a/video" },
    ];
    expect(rearrange(places, ["a/audio", "a/video"])).toEqual([]);
    expect(rearrange(places, ["b/audio", "b/video", "b/screen"])).toEqual([
      { place: 0, kind: "audio", track: "b/audio" },
      { place: 1, kind: "video", track: "b/video" },
      { place: 2, kind: "video", track: "b/screen" },
    ]);
    expect(rearrange(places, [])).toEqual([
      { place: 0, kind: "audio", track: null },
      { place: 1, kind: "video", track: null },
    ]);
  });

  it("leaves every wanted track in exactly one place, whatever came before", () => {
    let places: Place[] = [];
    const all = ["a/audio", "a/video", "b/audio", "b/video", "b/screen", "c/audio"];
    for (let round = 1; round < 200; round += 1) {
      const wanted = all.filter((_, index) => (round * 7 + index * round * 13) % 5 < 3);
      for (const step of rearrange(places, wanted))
        places = Object.assign([...places], { [step.place]: { kind: step.kind, track: step.track } });
      expect(
        places
          .map((place) => place.track)
          .filter(Boolean)
          .sort(),
      ).toEqual([...wanted].sort());
      for (const place of places)
        if (place.track) expect(labelOf(place.track) === "audio").toBe(place.kind === "audio");
    }
    expect(places.length).toBeLessThanOrEqual(all.length);
  });
});

describe("quality", () => {
  const entries = (received: number, lost: number): Record<string, unknown>[] => [
    { type: "inbound-rtp", kind: "video", packetsReceived: received, packetsLost: lost, framesPerSecond: 24, bytesReceived: received * 100 },
    { type: "inbound-rtp", kind: "audio", totalSamplesReceived: 1000, concealedSamples: 600, silentConcealedSamples: 600 },
    { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.05 },
    { type: "certificate" },
  ]; // prettier-ignore

  it("counts what happened between two looks", () => {
    const now = figures(totals(entries(100, 0)), totals(entries(190, 10)));
    expect(now).toMatchObject({ loss: 0.1, rtt_ms: 50, fps: 24, concealed: 0 });
    expect(rates(totals(entries(100, 0)), totals(entries(200, 0)), 2)).toEqual({ up: 0, down: 40 });
  });

  it("takes of its own what never arrived, and not what others lacked", () => {
    const told = (sent: number, gone: number): Record<string, unknown>[] => [
      { type: "outbound-rtp", packetsSent: sent },
      { type: "remote-inbound-rtp", packetsLost: gone, fractionLost: 0.25 },
    ];
    expect(theirLoss(totals(told(100, 5)), totals(told(200, 15)))).toBe(0.1);
    expect(theirLoss(totals(told(100, 5)), totals(told(200, 5)))).toBe(0);
    expect(theirLoss(null, totals(told(200, 50)))).toBe(0);
    expect(theirLoss(totals(told(500, 50)), totals(told(10, 0)))).toBe(0);
  });

  it("begins anew with a new connection and stays within bounds", () => {
    expect(figures(totals(entries(5000, 900)), totals(entries(10, 0))).loss).toBe(0);
    expect(figures(null, totals([{ type: "inbound-rtp", packetsReceived: NaN, packetsLost: -4 }])).loss).toBe(0);
  });

  it("names the worst thing", () => {
    const fine = { loss: 0, rtt_ms: 40, fps: 25, concealed: 0, busy: false };
    expect(sign(fine, 0, true).grade).toBe("good");
    expect(sign(fine, 0.2, true)).toMatchObject({ grade: "poor", reason: expect.stringContaining("upload") as string });
    expect(sign({ ...fine, rtt_ms: 500 }, 0, true).grade).toBe("fair");
    expect(sign({ ...fine, concealed: 0.3 }, 0, true).grade).toBe("poor");
    expect(sign(fine, 0, false).grade).toBe("none");
    const busy = sign({ ...fine, loss: 0.04, busy: true }, 0, true);
    expect(busy).toMatchObject({ grade: "fair", reason: expect.stringContaining("busy") as string });
    expect(sign({ ...fine, loss: 0.2, busy: true }, 0, true).reason).not.toContain("busy");
  });

  it("shows silence as nothing and full scale as everything", () => {
    expect(loudness(new Float32Array(64))).toBe(0);
    expect(loudness(new Float32Array(64).fill(1))).toBe(1);
    expect(loudness([])).toBe(0);
  });
});

describe("the ladder", () => {
  it("has a rung for every tier of the exchange", () => {
    for (const tier of ["auto", "high", "medium", "low", "stills", "voice", "text", "what"])
      expect(rungs().map((rung) => rung.choice)).toContain(rungOf(tier));
    expect(["high", "medium", "low"].every(hasVideo)).toBe(true);
    expect(["stills", "voice", "text"].some(hasVideo)).toBe(false);
  });

  it("keeps what may be sent apart from what can be received, and puts a person's choice before the network", () => {
    const weakUp = afterTier(UNHINDERED, { tier: "voice", reason: "uplink" });
    expect(weakUp).toEqual({ ...UNHINDERED, sends: "voice" });
    const weakBoth = afterTier(weakUp, { tier: "voice", reason: "downlink" });
    expect(weakBoth).toEqual({ ...UNHINDERED, sends: "voice", receives: "voice" });
    const busy = afterTier(UNHINDERED, { tier: "medium", reason: "computer" });
    expect(busy).toEqual({ ...UNHINDERED, busy: true });
    expect(afterTier(busy, { tier: "high", reason: "computer" })).toEqual(UNHINDERED);
    expect(afterTier(weakBoth, { tier: "low", reason: "chosen" })).toEqual(weakBoth);
    expect([receiving(weakBoth, "auto"), receiving(weakBoth, "low")]).toEqual(["voice", "low"]);
  });

  it("tells a choice from a weak line", () => {
    expect(whyNoVideo("voice", true).title).not.toBe(whyNoVideo("voice", false).title);
  });
});

describe("refused devices", () => {
  it("has words and steps for each trouble in each browser", () => {
    const troubles: Trouble[] = ["denied", "dismissed", "busy", "none", "insecure", "unsupported", "broken"];
    const codes = new Set<string>();
    for (const trouble of troubles)
      for (const need of ["camera", "microphone", "both"] as const) {
        expect(headline(trouble, need)).not.toBe("");
        codes.add(codeOf(trouble, need));
        for (const browser of ["wechat", "ios", "android", "firefox", "safari", "edge", "chromium"] as const)
          expect(steps(trouble, browser).length).toBeGreaterThan(1);
      }
    expect(codes.size).toBe(21);
  });

  it("knows errors and browsers by their names", () => {
    expect(troubleOf(new DOMException("", "NotAllowedError"))).toBe("denied");
    expect(troubleOf(new DOMException("", "NotReadableError"))).toBe("busy");
    expect(troubleOf("what")).toBe("broken");
    expect(browserOf("Mozilla/5.0 (iPhone; CPU) MicroMessenger/8")).toBe("wechat");
    expect(browserOf("Mozilla/5.0 (X11) Gecko/20100101 Firefox/128.0")).toBe("firefox");
  });
});

describe("what a tab remembers", () => {
  it("comes back as it was; nonsense is nothing", () => {
    keep("c", { joined: true, camera: "x" });
    expect(recall("c")).toMatchObject({ joined: true, camera: "x", audio: true });
    sessionStorage.setItem("call:d", '{"joined":"yes","audio":false,"__proto__":{"video":false}}');
    expect(recall("d")).toMatchObject({ joined: false, audio: false, video: true });
    sessionStorage.setItem("call:e", "{");
    expect(recall("e").joined).toBe(false);
  });

  it("takes messages and leaves other entries out", () => {
    const items = [
      { number: 1, kind: "message", actor: { name: "A" }, text: "x", at: "2026-01-01T00:00:00Z" },
      { number: 2, kind: "move", text: "why" },
      { number: 3, kind: "message", text: "", fields: { clip: "audio/webm" } },
      { number: 4, kind: "material", text: "", fields: { kind: "study" } },
      null,
      "x",
    ];
    expect(messagesIn({ items })).toEqual([
      { number: 1, who: "A", text: "x", at: "2026-01-01T00:00:00Z", spoken: false },
      { number: 3, who: "", text: "", at: "", spoken: true },
      { number: 4, who: "", text: "Films have arrived", at: "", spoken: false },
    ]);
    expect(messagesIn({})).toEqual([]);
  });
});

describe("the session", () => {
  let tickets: (() => Promise<{ ticket: string; rtc: string }>)[];
  let asked: number;
  let heard: string[];
  let ended: Ending[];
  let session: Session;
  const socket = (): FakeSocket => FakeSocket.made.at(-1) as FakeSocket;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", Object.assign(FakeSocket, { OPEN: 1 }));
    FakeSocket.made = [];
    tickets = [];
    asked = 0;
    heard = [];
    ended = [];
    session = new Session({
      ticket: () => {
        asked += 1;
        return tickets.shift()?.() ?? Promise.resolve({ ticket: `t${asked}`, rtc: "/rtc" });
      },
      mediaRuns: () => asked > 1,
      welcome: () => heard.push("welcome"),
      word: (word) => heard.push(word.type),
      broken: (attempt) => heard.push(`broken ${attempt}`),
      over: (ending) => ended.push(ending),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const seated = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(5_000);
    socket().open();
    socket().say(welcome);
  };

  it("says hello first, and comes back with a fresh ticket that asks to keep the media", async () => {
    session.start();
    await seated();
    expect(socket().sent[0]).toEqual({ type: "hello", version: 1, ticket: "t1", resume: false });
    socket().close();
    expect(heard).toContain("broken 1");
    await seated();
    expect(socket().sent[0]).toEqual({ type: "hello", version: 1, ticket: "t2", resume: true });
    expect(session.open).toBe(true);
  });

  it("goes on trying for ever while the house cannot be reached", async () => {
    tickets = Array.from(
      { length: 50 },
      (_, index) => () => Promise.reject(index % 2 ? new TypeError("no network") : new Refusal(503, {})),
    );
    session.start();
    await vi.advanceTimersByTimeAsync(50 * 4_000);
    expect(asked).toBeGreaterThan(50);
    expect(ended).toEqual([]);
  });

  it("ends when the right is gone, and by the exchange's last word", async () => {
    tickets = [() => Promise.reject(new Refusal(403, { detail: "no" }))];
    session.start();
    await vi.advanceTimersByTimeAsync(10);
    expect(ended).toEqual(["refused"]);
    expect(judge(410)).toBe("ended");
    expect(judge(429)).toBe("again");
  });

  it.each(["ended", "removed", "replaced", "declined"] as const)("does not come back after %s", async (code) => {
    session.start();
    await seated();
    socket().say({ type: "closing", code, again: false });
    socket().close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ended).toEqual([code]);
    expect(FakeSocket.made.length).toBe(1);
  });

  it("comes back after draining, and when the line has gone silent", async () => {
    session.start();
    await seated();
    socket().say({ type: "closing", code: "draining", again: true });
    socket().close();
    await seated();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(FakeSocket.made.length).toBeGreaterThan(2);
    expect(ended).toEqual([]);
  });

  it("waits at the door as long as it takes, beating, and comes back to it when the line breaks", async () => {
    session.start();
    await vi.advanceTimersByTimeAsync(10);
    socket().open();
    socket().say({ type: "waiting", version: 1, participant: "me" });
    for (let beat = 1; beat <= 30; beat += 1) {
      await vi.advanceTimersByTimeAsync(5_000);
      socket().say({ type: "pong", number: beat });
    }
    expect([session.open, FakeSocket.made.length, asked]).toEqual([false, 1, 1]);
    expect(session.send({ type: "hand", up: true })).toBe(false);
    expect(socket().sent.map(({ type }) => type)).toEqual(["hello", ...Array.from({ length: 30 }, () => "ping")]);
    socket().close();
    await seated();
    expect([session.open, asked, ended]).toEqual([true, 2, []]);
  });

  it("leaving is a word and then silence", async () => {
    session.start();
    await seated();
    session.leave();
    expect(socket().sent.at(-1)).toEqual({ type: "leave" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.made.length).toBe(1);
    expect(ended).toEqual(["left"]);
  });

  it("waits longer each time, but never long", () => {
    for (let attempt = 1; attempt < 60; attempt += 1)
      for (const random of [0, 0.5, 1]) expect(waitBefore(attempt, random)).toBeLessThanOrEqual(4_000);
    expect(waitBefore(1, 1)).toBeLessThan(waitBefore(3, 0));
    expect(socketAddress("/rtc", "https://a.example/x")).toBe("wss://a.example/rtc");
    expect(socketAddress("http://b.example/rtc", "http://a.example/")).toBe("ws://b.example/rtc");
  });
});
