/** Pure: from the browser's counters to the figures the exchange wants, and to a sign with a plain reason. */

import { t } from "../i18n";
import type { Figures } from "./wire";

/** The running totals of all received tracks, as getStats counts them. */
export interface Totals {
  received: number;
  lost: number;
  samples: number;
  concealed: number;
  bytesIn: number;
  bytesOut: number;
  rttMs: number;
  fps: number;
  sent: number;
  /** What never reached the exchange of ours. Its share of voices lost counts other people's links as well. */
  gone: number;
  /** The browser sends smaller pictures for want of processor time. */
  busy: boolean;
}

export type Grade = "good" | "fair" | "poor" | "none";
export interface Sign {
  grade: Grade;
  reason: string;
}

type Entry = Record<string, unknown>;
const num = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/** Add up a stats report; entries of kinds we do not know are left out. */
export function totals(entries: Iterable<Entry>): Totals {
  const sum: Totals = {
    received: 0, lost: 0, samples: 0, concealed: 0, bytesIn: 0, bytesOut: 0, rttMs: 0, fps: 0, sent: 0, gone: 0,
    busy: false,
  }; // prettier-ignore
  for (const entry of entries) {
    if (entry.type === "inbound-rtp") {
      sum.received += num(entry.packetsReceived);
      sum.lost += Math.max(0, num(entry.packetsLost));
      sum.samples += num(entry.totalSamplesReceived);
      // Silence that was never sent (DTX) is no loss.
      sum.concealed += Math.max(0, num(entry.concealedSamples) - num(entry.silentConcealedSamples));
      sum.bytesIn += num(entry.bytesReceived);
      if (entry.kind === "video") sum.fps = Math.max(sum.fps, num(entry.framesPerSecond));
    } else if (entry.type === "outbound-rtp") {
      sum.bytesOut += num(entry.bytesSent);
      sum.sent += num(entry.packetsSent);
      if (entry.qualityLimitationReason === "cpu") sum.busy = true;
    } else if (entry.type === "remote-inbound-rtp") {
      sum.gone += Math.max(0, num(entry.packetsLost));
      sum.rttMs = Math.max(sum.rttMs, num(entry.roundTripTime) * 1000);
    } else if (entry.type === "candidate-pair" && (entry.nominated === true || entry.selected === true))
      sum.rttMs = Math.max(sum.rttMs, num(entry.currentRoundTripTime) * 1000);
  }
  return sum;
}

const share = (part: number, whole: number): number => (whole <= 0 ? 0 : Math.min(1, Math.max(0, part / whole)));

/** What happened between two looks. Counters that fell belong to a new connection: then the new ones count alone. */
export function figures(before: Totals | null, now: Totals): Figures {
  const base = before && before.received <= now.received ? before : null;
  const lost = Math.max(0, now.lost - (base?.lost ?? 0));
  const received = now.received - (base?.received ?? 0);
  return {
    loss: share(lost, lost + received),
    rtt_ms: Math.min(60_000, now.rttMs),
    fps: Math.min(240, now.fps),
    concealed: share(now.concealed - (base?.concealed ?? 0), now.samples - (base?.samples ?? 0)),
    busy: now.busy,
  };
}

/** The share of ours that did not arrive between two looks. */
export const theirLoss = (before: Totals | null, now: Totals): number =>
  before && before.sent < now.sent ? share(now.gone - before.gone, now.sent - before.sent) : 0;

/** Kilobits a second between two looks. */
export function rates(before: Totals | null, now: Totals, seconds: number): { up: number; down: number } {
  if (!before || seconds <= 0) return { up: 0, down: 0 };
  const kbits = (bytes: number): number => Math.max(0, Math.round((bytes * 8) / seconds / 1000));
  return { up: kbits(now.bytesOut - before.bytesOut), down: kbits(now.bytesIn - before.bytesIn) };
}

/** The sign for the person: the worst thing decides, and it is named. Bounds after ITU-T G.114 (delay) and own listening. */
export function sign(now: Figures, gone: number, up: boolean): Sign {
  if (!up) return { grade: "none", reason: t("The line is being restored. It comes back by itself.") };
  if (now.concealed > 0.12)
    return { grade: "poor", reason: t("Their voice breaks off: packets are lost on the way to you.") };
  if (now.loss > 0.1) return { grade: "poor", reason: t("Many packets are lost on the way to you.") };
  if (gone > 0.1) return { grade: "poor", reason: t("Many of your packets do not arrive: your upload is too weak.") };
  if (now.rtt_ms > 800) return { grade: "poor", reason: t("The way is long: you hear each other late.") };
  if (now.busy) return { grade: "fair", reason: t("This computer or phone is busy: your picture is smaller.") };
  if (now.loss > 0.03 || now.concealed > 0.04)
    return { grade: "fair", reason: t("Some packets are lost on the way to you.") };
  if (gone > 0.03) return { grade: "fair", reason: t("Some of your packets do not arrive.") };
  if (now.rtt_ms > 400) return { grade: "fair", reason: t("The way is a little long: pause after each sentence.") };
  return { grade: "good", reason: t("The line is good.") };
}
