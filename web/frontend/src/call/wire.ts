/**
 * The words of a room's WebSocket, as the exchange speaks them. What comes in is checked field by field: a word that is
 * unknown or wrong is nothing (null), never half a message. Must not know sockets.
 */

export const VERSION = 1;

export const LABELS = ["audio", "video", "screen"] as const;
export type Label = (typeof LABELS)[number];

/** One participant as the others see it; `present` is false while the seat is held for somebody who is away. */
export interface Seat {
  participant: string;
  name: string;
  role: string;
  present: boolean;
  audio: boolean;
  video: boolean;
  screen: boolean;
  /** The sound of the screen comes with the voice, also while the microphone is off. */
  sound: boolean;
  tracks: string[];
  /** 0 while the hand is down; of two raised hands the one with the lower number came first. */
  hand: number;
  /** Agreed to being recorded. */
  consent: boolean;
  /** Not seen because of the line, and not by the own wish. */
  paused: boolean;
}

/** The sign to all. */
export interface Recording {
  on: boolean;
  paused: boolean;
}

/** Pictures that no common codec can carry. */
export interface Unseen {
  /** Others' (`participant/label`) that cannot be shown here. */
  tracks: string[];
  /** Who cannot be shown one's own. */
  by: string[];
}

export interface Welcome {
  type: "welcome";
  version: number;
  room: string;
  participant: string;
  grants: string[];
  seats: Seat[];
  resumed: boolean;
  ice_servers: RTCIceServer[];
  hold_s: number;
  shared: Record<string, Record<string, unknown>>;
  asking: Asking[];
  recording: Recording;
}

/** Somebody who waits at the door, as those see it who may let them in. */
export interface Asking {
  participant: string;
  name: string;
}

export const CLOSINGS = ["ended", "removed", "replaced", "expired", "left", "draining", "declined"] as const;
export type ClosingCode = (typeof CLOSINGS)[number];

export type Reply =
  | Welcome
  | { type: "waiting"; participant: string }
  | ({ type: "recording" } & Recording)
  | { type: "knock"; who: Asking }
  | { type: "knock_gone"; participant: string }
  | { type: "answer"; number: number; sdp: string }
  | { type: "seat"; seat: Seat }
  | { type: "gone"; participant: string; reason: string }
  | { type: "shared"; participant: string; topic: string; body: Record<string, unknown> }
  | { type: "tier"; tier: string; reason: string; send_bps: number }
  | { type: "reoffer"; reason: string }
  | ({ type: "unseen" } & Unseen)
  | { type: "layers"; on: boolean }
  | { type: "speaking"; participants: string[] }
  | { type: "refused"; code: string; detail: string; number?: number | null }
  | { type: "closing"; code: ClosingCode; again: boolean }
  | { type: "pong"; number: number };

export const CHOICES = ["auto", "high", "medium", "low", "stills", "voice", "text"] as const;
export type Choice = (typeof CHOICES)[number];

export interface Offer {
  number: number;
  sdp: string;
  sends: Record<string, Label>;
  takes: Record<string, string>;
}

export interface Figures {
  loss: number;
  rtt_ms: number;
  fps: number;
  concealed: number;
  /** Smaller pictures are sent for want of processor time. */
  busy: boolean;
}

export type Request =
  | { type: "hello"; version: number; ticket: string; resume: boolean }
  | ({ type: "offer" } & Offer)
  | { type: "state"; audio: boolean; video: boolean; screen: boolean; sound: boolean; paused: boolean }
  | { type: "share"; topic: string; body: Record<string, unknown> }
  | ({ type: "quality" } & Figures)
  | { type: "ladder"; choice: Choice }
  | { type: "admit"; participant: string; welcome: boolean }
  | { type: "record"; on: boolean; paused: boolean }
  | { type: "consent"; given: boolean }
  | { type: "hand"; up: boolean; participant?: string }
  | { type: "leave" }
  | { type: "end" }
  | { type: "remove"; participant: string }
  | { type: "ping"; number: number };

type Check = (value: unknown) => boolean;
type Shape = Record<string, Check>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const flag: Check = (value) => typeof value === "boolean";
const object: Check = isObject;
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && words.includes(value);
const shaped =
  (shape: Shape): Check =>
  (value) =>
    isObject(value) && Object.entries(shape).every(([name, check]) => check(value[name]));

const seat = shaped({
  participant: text,
  name: text,
  role: text,
  present: flag,
  audio: flag,
  video: flag,
  screen: flag,
  sound: flag,
  tracks: listOf(text),
  hand: number,
  consent: flag,
  paused: flag,
});
const recording = shaped({ on: flag, paused: flag });

const asking = shaped({ participant: text, name: text });

const SHAPES: Record<Reply["type"], Check> = {
  welcome: shaped({
    version: number,
    room: text,
    participant: text,
    grants: listOf(text),
    seats: listOf(seat),
    resumed: flag,
    ice_servers: listOf(object),
    hold_s: number,
    shared: object,
    asking: listOf(asking),
    recording,
  }),
  recording,
  waiting: shaped({ participant: text }),
  knock: shaped({ who: asking }),
  knock_gone: shaped({ participant: text }),
  answer: shaped({ number, sdp: text }),
  seat: shaped({ seat }),
  gone: shaped({ participant: text, reason: text }),
  shared: shaped({ participant: text, topic: text, body: object }),
  tier: shaped({ tier: text, reason: text, send_bps: number }),
  reoffer: shaped({ reason: text }),
  unseen: shaped({ tracks: listOf(text), by: listOf(text) }),
  layers: shaped({ on: flag }),
  speaking: shaped({ participants: listOf(text) }),
  refused: shaped({ code: text, detail: text }),
  closing: shaped({ code: oneOf(CLOSINGS), again: flag }),
  pong: shaped({ number }),
};

/** Read one frame; null when it is not one of the exchange's words. */
export function read(frame: unknown): Reply | null {
  if (typeof frame !== "string") return null;
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return null;
  }
  if (!isObject(value) || typeof value.type !== "string" || !Object.hasOwn(SHAPES, value.type)) return null;
  return SHAPES[value.type as Reply["type"]](value) ? (value as unknown as Reply) : null;
}

/** Write one frame. */
export function write(word: Request): string {
  return JSON.stringify(word);
}
