/** The exchange's side of a call, for tests: what it says, and a socket that it says it on. */

import type { Seat, Welcome } from "../src/call/wire";

export const seat = (participant: string, tracks: string[]): Seat => ({
  participant, name: participant, role: "", present: true, audio: true, video: true, screen: false, sound: false,
  tracks,
  hand: 0, consent: false, paused: false,
}); // prettier-ignore

export const welcome: Welcome = {
  type: "welcome", version: 1, room: "r", participant: "me", grants: ["publish"], seats: [], resumed: false,
  ice_servers: [], hold_s: 60, shared: {}, asking: [], recording: { on: false, paused: false },
}; // prettier-ignore

export class FakeSocket extends EventTarget {
  static made: FakeSocket[] = [];
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  constructor(readonly url: string) {
    super();
    FakeSocket.made.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  say(word: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(word) }));
  }
}
