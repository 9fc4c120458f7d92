/**
 * Pure: which of the others' tracks are wanted, and which receiving places of the connection carry them. A place once made
 * stays in the session description for ever, so a free one of the same kind is used again before a new one is made.
 */

import { LABELS, type Label, type Seat } from "./wire";

export type Kind = "audio" | "video";

export interface Place {
  kind: Kind;
  /** `participant/label`, or null while nobody is received there. */
  track: string | null;
}

export interface Step {
  /** Index into the places; the length of the list and above are new ones. */
  place: number;
  kind: Kind;
  track: string | null;
}

export const kindOf = (label: Label): Kind => (label === "audio" ? "audio" : "video");

export function labelOf(track: string): Label {
  const label = track.slice(track.lastIndexOf("/") + 1);
  return (LABELS as readonly string[]).includes(label) ? (label as Label) : "video";
}

/** Everything that others send now. */
export function wantedTracks(seats: Iterable<Seat>, me: string): string[] {
  const found: string[] = [];
  for (const seat of seats)
    if (seat.participant !== me)
      for (const label of LABELS) if (seat.tracks.includes(label)) found.push(`${seat.participant}/${label}`);
  return found;
}

/** What to change about the places so that exactly the wanted tracks are received; empty when all is right. */
export function rearrange(places: readonly Place[], wanted: readonly string[]): Step[] {
  const steps: Step[] = [];
  const missing = wanted.filter((track) => !places.some((place) => place.track === track));
  const free: number[] = [];
  places.forEach((place, index) => {
    if (place.track === null || !wanted.includes(place.track)) free.push(index);
  });
  let next = places.length;
  for (const track of missing) {
    const kind = kindOf(labelOf(track));
    const at = free.findIndex((index) => places[index]?.kind === kind);
    const place = at === -1 ? next++ : (free.splice(at, 1)[0] ?? next++);
    steps.push({ place, kind, track });
  }
  for (const place of free) {
    const was = places[place];
    if (was && was.track !== null) steps.push({ place, kind: was.kind, track: null });
  }
  return steps;
}
