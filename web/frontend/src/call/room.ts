/** Who is in the room, who speaks, who waits at its door: what the exchange has said so far. Must not know media or the page. */

import type { Asking, Recording, Reply, Seat, Unseen, Welcome } from "./wire";

/** Words about people in the room and at its door. */
export type RoomWord = Extract<
  Reply,
  { type: "seat" | "gone" | "speaking" | "knock" | "knock_gone" | "recording" | "unseen" }
>;
export interface RoomNews {
  what: "came" | "left" | "removed" | "hand" | "knock";
  name: string;
}

export class Room {
  me = "";
  seats = new Map<string, Seat>();
  /** Who waits at the door; told to those who may let them in. */
  asking = new Map<string, Asking>();
  speaking: string[] = [];
  recording: Recording = { on: false, paused: false };
  unseen: Unseen = { tracks: [], by: [] };

  enter(welcome: Welcome): void {
    if (!welcome.resumed) this.unseen = { tracks: [], by: [] };
    this.me = welcome.participant;
    this.seats = new Map(welcome.seats.map((seat) => [seat.participant, seat]));
    this.recording = welcome.recording;
    this.asking = new Map(welcome.asking.map((one) => [one.participant, one]));
  }

  /** Take a word in; the answer is worth a line on the screen. */
  hear(word: RoomWord): RoomNews | null {
    switch (word.type) {
      case "seat":
        return this.sat(word.seat);
      case "gone": {
        const name = this.seats.get(word.participant)?.name ?? "";
        this.seats.delete(word.participant);
        return word.reason === "lost" ? null : { what: word.reason === "removed" ? "removed" : "left", name };
      }
      case "speaking":
        this.speaking = word.participants;
        return null;
      case "knock":
        this.asking.set(word.who.participant, word.who);
        return { what: "knock", name: word.who.name };
      case "knock_gone":
        this.asking.delete(word.participant);
        return null;
      case "unseen":
        this.unseen = word;
        return null;
      case "recording":
        this.recording = { on: word.on, paused: word.paused };
        return null;
    }
  }

  get mine(): Seat | undefined {
    return this.seats.get(this.me);
  }

  /** The names of those who cannot be shown one's own picture. */
  get unseenBy(): string {
    const names = this.unseen.by.map((who) => this.seats.get(who)?.name ?? "").filter(Boolean);
    return names.join(", ");
  }

  /** Those without whose yes nothing is written. */
  get undecided(): Seat[] {
    return [...this.seats.values()].filter((seat) => !seat.consent);
  }

  private sat(seat: Seat): RoomNews | null {
    const before = this.seats.get(seat.participant);
    this.seats.set(seat.participant, seat);
    if (!before) return { what: "came", name: seat.name };
    const isNew = seat.hand > 0 && before.hand === 0 && seat.participant !== this.me;
    return isNew ? { what: "hand", name: seat.name } : null;
  }
}
