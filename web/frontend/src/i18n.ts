/** Words for people: msgids are the English texts; the page brings the translations it needs as one JSON block. */

import type { Msgid } from "./messages";

let translations: Record<string, string> | undefined;

function read(): Record<string, string> {
  const block = document.getElementById("messages");
  if (!block?.textContent) return {};
  try {
    return JSON.parse(block.textContent) as Record<string, string>;
  } catch {
    return {};
  }
}

/** Forget what was read: only tests change the page's language under way. */
export function forgetTranslations(): void {
  translations = undefined;
}

/** Put values into the places `{name}` of a text. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => (name in values ? String(values[name]) : place));
}

/** The text in the page's language, with its values put in. */
export function t(msgid: Msgid, values: Record<string, string | number> = {}): string {
  translations ??= read();
  return fill(translations[msgid] || msgid, values);
}

export function language(): string {
  return document.documentElement.lang || "en";
}

/** A time of day; in the site's zone where the page names it, else in the reader's. */
export function clockTime(moment: Date, zone?: string): string {
  const form: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false };
  return moment.toLocaleTimeString(language(), zone ? { ...form, timeZone: zone } : form);
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Bytes as people read them: 206 MB. A no-break space keeps number and unit together. */
export function bytesText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)}\u00a0${BYTE_UNITS[unit] ?? "B"}`;
}
