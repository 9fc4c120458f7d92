/** Pure: how much time is left, in words and as a share. */

import { t } from "../i18n";

const MINUTE_MS = 60_000;

function span(minutes: number): { d: number; h: number; m: number } {
  return { d: Math.floor(minutes / 1440), h: Math.floor((minutes % 1440) / 60), m: minutes % 60 };
}

export function timeLeftText(leftMs: number): string {
  const over = leftMs < 0;
  const minutes = over ? Math.floor(-leftMs / MINUTE_MS) : Math.ceil(leftMs / MINUTE_MS);
  const { d, h, m } = span(minutes);
  if (over) {
    if (d) return t("{d} d {h} h over", { d, h });
    return h ? t("{h} h {m} min over", { h, m }) : t("{m} min over", { m });
  }
  if (d) return t("{d} d {h} h left", { d, h });
  return h ? t("{h} h {m} min left", { h, m }) : t("{m} min left", { m });
}

/** Percent of the time that is left, 0 to 100. */
export function shareLeft(now: number, start: number, due: number): number {
  if (due <= start) return 0;
  return Math.round(Math.min(1, Math.max(0, (due - now) / (due - start))) * 100);
}
