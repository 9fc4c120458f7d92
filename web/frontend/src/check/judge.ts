/** Pure: what measured figures mean for a call, in plain words. Must not measure anything. */

import { t } from "../i18n";

/** How one step went; `open` until it was tried. */
export type Grade = "open" | "busy" | "good" | "weak" | "bad";

export interface Verdict {
  grade: Grade;
  text: string;
  /** What was measured, for those who want to know. */
  figures?: string;
}

/** One measured line: milliseconds there and back, bits a second down and up (0: nothing came through). */
export interface Line {
  roundTripMs: number;
  down: number;
  up: number;
}

/** What came back of one's own picture and voice through the exchange. */
export interface Loop {
  /** `udp`, `tcp` or `relay`; empty: no way was found. */
  way: "" | "udp" | "tcp" | "relay";
  fps: number;
  lossPercent: number;
  roundTripMs: number;
}

// The exchange's own steps: voice 40 kbit/s, a small picture 150, a good one 800 (with room for voice and the rest).
const GOOD = 900_000;
const SMALL = 220_000;
const VOICE = 50_000;
const LONG_WAY_MS = 400;

/** Bits a second as people read them. */
export function rateOf(bits: number): string {
  return bits >= 1_000_000 ? `${(bits / 1_000_000).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

export function judgeLine(line: Line): Verdict {
  const figures = t("Download {down}, upload {up}, {ms} ms there and back.", {
    down: rateOf(line.down),
    up: rateOf(line.up),
    ms: Math.round(line.roundTripMs),
  });
  const least = Math.min(line.down, line.up);
  const long = line.roundTripMs > LONG_WAY_MS;
  if (long && least >= SMALL)
    return { grade: "weak", text: t("Answers come late: let others finish before you speak."), figures };
  if (least >= GOOD) return { grade: "good", text: t("Enough for a good picture."), figures };
  if (least >= SMALL) return { grade: "good", text: t("Enough for voice and a small picture."), figures };
  if (least >= VOICE) return { grade: "weak", text: t("Enough for voice; pictures stand still."), figures };
  return {
    grade: "bad",
    text: t("Too narrow for voice at this moment. Films still arrive, only slowly; messages always do."),
    figures,
  };
}

export function judgeLoop(loop: Loop): Verdict {
  if (loop.way === "")
    return {
      grade: "bad",
      text: t(
        "Picture and voice do not get through. A firewall may be in the way: give this page to your IT department.",
      ),
    };
  const figures = t("{fps} pictures a second came back, {loss} % were lost, {ms} ms there and back.", {
    fps: Math.round(loop.fps),
    loss: loop.lossPercent.toFixed(1),
    ms: Math.round(loop.roundTripMs),
  });
  if (loop.way !== "udp")
    return {
      grade: "weak",
      text: t("Picture and voice get through only by a detour, because UDP is blocked."),
      figures,
    };
  if (loop.lossPercent > 5)
    return { grade: "weak", text: t("Picture and voice get through, but the line loses much."), figures };
  return { grade: "good", text: t("Picture and voice get through."), figures };
}

/** The whole in one sentence: the worst step decides. */
export function judgeAll(grades: readonly Grade[]): Verdict {
  if (grades.includes("bad"))
    return { grade: "bad", text: t("Something needs to be mended before a call. See the red lines.") };
  if (grades.includes("weak"))
    return { grade: "weak", text: t("Calls work from here, with limits. See the yellow lines.") };
  return { grade: "good", text: t("This device is ready for calls.") };
}

/** Half of the values are below it; 0 without values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
