/** The keyboard of the reading room. */

import type { Commands } from "./commands";
import { keysAreOn } from "./dialogs";

/** Is this press meant for the films, and not for a field, a dialog or another part of the page? */
export function meantForFilms(event: KeyboardEvent, host: HTMLElement): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  const target = event.target as HTMLElement;
  if (target !== document.body && !host.contains(target)) return false;
  if (target.matches("input:not([type=range]), textarea, select, [contenteditable=true]")) return false;
  if (target.matches("input[type=range]") && event.key.startsWith("Arrow")) return false;
  if (document.querySelector("dialog[open]")) return false;
  return event.key.length > 1 || keysAreOn();
}

/** @param preset Take the window of this number, from 1; false when there is none. */
export function listenToKeys(host: HTMLElement, commands: Commands, preset: (digit: number) => boolean): void {
  const onKey = (event: KeyboardEvent): void => {
    if (!meantForFilms(event, host)) return;
    const done = /^[1-9]$/.test(event.key)
      ? preset(Number(event.key))
      : commands.press(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
    commands.sync();
  };
  // Before Cornerstone, which has its own use for some keys (z would undo a measure).
  document.addEventListener("keydown", onKey, { capture: true });
}
