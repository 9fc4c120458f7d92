import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { askForScreen, type Screen } from "../src/showing/screen";

class FakeTrack extends EventTarget {
  readyState = "live";
  contentHint = "";
  constructor(readonly kind: string) {
    super();
  }
  stop(): void {
    this.readyState = "ended";
  }
  /** As the browser's own bar does it. */
  end(): void {
    this.stop();
    this.dispatchEvent(new Event("ended"));
  }
}

const heard = new Set<unknown>(); // the tracks that the mix holds now
const mixed = new FakeTrack("audio");
class FakeNode {
  connect = <T>(next: T): T => next;
}
class FakeSource extends FakeNode {
  constructor(private readonly track: unknown) {
    super();
    heard.add(track);
  }
  disconnect(): void {
    heard.delete(this.track);
  }
}
class FakeContext {
  createMediaStreamSource = (stream: { tracks: unknown[] }): FakeNode => new FakeSource(stream.tracks[0]);
  resume = (): Promise<void> => Promise.resolve();
  close(): Promise<void> {
    heard.clear();
    return Promise.resolve();
  }
}

let given: FakeTrack[];
let asked: Record<string, unknown>;
const as = (track: FakeTrack): MediaStreamTrack => track as unknown as MediaStreamTrack;
const screen = async (changed = (): void => undefined): Promise<Screen> => (await askForScreen(changed)) as Screen;

beforeEach(() => {
  heard.clear();
  given = [new FakeTrack("video"), new FakeTrack("audio")];
  const of = (kind: string) => (): FakeTrack[] => given.filter((track) => track.kind === kind);
  const media = {
    getSupportedConstraints: () => ({}),
    getDisplayMedia: (wishes: Record<string, unknown>) => {
      asked = wishes;
      return Promise.resolve({ getVideoTracks: of("video"), getAudioTracks: of("audio"), getTracks: () => given });
    },
  };
  vi.stubGlobal("navigator", { mediaDevices: media });
  vi.stubGlobal("AudioContext", FakeContext);
  vi.stubGlobal("GainNode", FakeNode);
  vi.stubGlobal("MediaStreamAudioDestinationNode", class extends FakeNode {
    stream = { getAudioTracks: () => [mixed] };
  }); // prettier-ignore
  vi.stubGlobal("MediaStream", class {
    constructor(readonly tracks: unknown[]) {}
  }); // prettier-ignore
});
afterEach(() => vi.unstubAllGlobals());

it("a screen's sound goes out with the voice, also where there is no microphone", async () => {
  const [shared, microphone] = [await screen(), new FakeTrack("audio")];
  expect(shared.hasSound).toBe(true);
  expect(shared.voice(null)).toBe(mixed);
  expect([...heard]).toEqual([given[1]]);
  expect(shared.voice(as(microphone))).toBe(mixed);
  expect([...heard]).toEqual([given[1], microphone]);
  const other = new FakeTrack("audio");
  expect(shared.voice(as(other))).toBe(mixed);
  expect([...heard]).toEqual([given[1], other]);
});

it("a screen without sound leaves the microphone as it is", async () => {
  given.pop();
  const [shared, microphone] = [await screen(), as(new FakeTrack("audio"))];
  expect([shared.hasSound, shared.voice(microphone), shared.voice(null)]).toEqual([false, microphone, null]);
});

it("the sound can end before the picture, and both end with the share", async () => {
  const changed = vi.fn();
  const [shared, microphone] = [await screen(changed), as(new FakeTrack("audio"))];
  given[1]?.end();
  expect([changed.mock.calls.length, shared.hasSound, shared.isOver]).toEqual([1, false, false]);
  expect(shared.voice(microphone)).toBe(microphone);
  given[0]?.end();
  expect([changed.mock.calls.length, shared.isOver]).toEqual([2, true]);
  shared.stop();
  expect([heard.size, given.map((track) => track.readyState)]).toEqual([0, ["ended", "ended"]]);
});

it("nobody hears themselves: without the browser's help only a tab's sound is offered", async () => {
  await screen();
  expect(asked).toMatchObject({ systemAudio: "exclude", selfBrowserSurface: "exclude" });
  navigator.mediaDevices.getSupportedConstraints = () => ({ restrictOwnAudio: true }) as MediaTrackSupportedConstraints;
  await screen();
  expect(asked).toMatchObject({ systemAudio: "include", audio: { restrictOwnAudio: true } });
});
