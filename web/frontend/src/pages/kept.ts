/** Text that has not reached the server, kept on this device: one entry a form and user. */

import type { Fields } from "./fields";

export interface Kept {
  fields: Fields;
  version: number;
  at: number;
  /** The form was sent the ordinary way: once the server has a newer version this text has arrived. */
  submitted: boolean;
}

const MOST_DAYS_MS = 14 * 24 * 3600 * 1000;

export function keyFor(user: string, url: string): string {
  return `autosave:${user}:${url}`;
}

export function keep(key: string, kept: Kept): void {
  try {
    localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    // Full or forbidden: the server still gets it.
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}

export function keptAt(key: string): Kept | null {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "null") as Kept | null;
    return kept && typeof kept.fields === "object" ? kept : null;
  } catch {
    return null;
  }
}

export type Decision = "nothing" | "restore" | "ask";

/** What to do with kept text when its form is opened again. */
export function decide(kept: Kept | null, version: number, equal: boolean, now: number): Decision {
  if (!kept || equal || now - kept.at > MOST_DAYS_MS) return "nothing";
  if (kept.submitted && version > kept.version) return "nothing";
  return kept.version === version ? "restore" : "ask";
}
