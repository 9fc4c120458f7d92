/** The call over other windows and pages: the browser's picture-in-picture where it has one, and a tile that can be moved. */

import { el, icon } from "../dom";
import { t } from "../i18n";

interface DocumentPictureInPicture {
  requestWindow(options: { width: number; height: number }): Promise<Window>;
}

function documentWindow(): DocumentPictureInPicture | null {
  return (globalThis as { documentPictureInPicture?: DocumentPictureInPicture }).documentPictureInPicture ?? null;
}

export function canFloat(): boolean {
  return documentWindow() !== null || document.pictureInPictureEnabled;
}

/** Put the tiles (or, in browsers that only float a video, the main picture) into a window above all others. */
export async function float(tiles: HTMLElement, main: () => HTMLVideoElement | null): Promise<void> {
  const maker = documentWindow();
  if (!maker) {
    await main()?.requestPictureInPicture();
    return;
  }
  const home = tiles.parentElement;
  const after = tiles.nextSibling;
  const opened = await maker.requestWindow({ width: 360, height: 300 });
  for (const sheet of document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]'))
    opened.document.head.append(sheet.cloneNode(true));
  opened.document.body.className = "room floating";
  opened.document.body.append(tiles);
  opened.addEventListener("pagehide", () => home?.insertBefore(tiles, after), { once: true });
}

const STEP_PX = 24;
const KEPT = "call-tile";

/** Let a tile be moved by its grip, with finger, mouse or arrow keys; the place is remembered on this tab. */
export function movable(tile: HTMLElement): HTMLElement {
  const grip = el(
    "button",
    { type: "button", class: "grip", "aria-label": t("Move the call: drag, or use the arrow keys") },
    icon("move"),
  );
  const place = (x: number, y: number): void => {
    const left = Math.min(Math.max(0, x), Math.max(0, innerWidth - tile.offsetWidth));
    const top = Math.min(Math.max(0, y), Math.max(0, innerHeight - tile.offsetHeight));
    Object.assign(tile.style, { left: `${left}px`, top: `${top}px`, right: "auto", bottom: "auto" });
    try {
      sessionStorage.setItem(KEPT, `${left} ${top}`);
    } catch {
      // Not remembered, still moved.
    }
  };
  let from: { x: number; y: number } | null = null;
  grip.addEventListener("pointerdown", (event) => {
    const box = tile.getBoundingClientRect();
    from = { x: event.clientX - box.left, y: event.clientY - box.top };
    grip.setPointerCapture(event.pointerId);
  });
  grip.addEventListener("pointermove", (event) => {
    if (from) place(event.clientX - from.x, event.clientY - from.y);
  });
  grip.addEventListener("pointerup", () => (from = null));
  grip.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    const box = tile.getBoundingClientRect();
    place(box.left + (by[0] ?? 0) * STEP_PX, box.top + (by[1] ?? 0) * STEP_PX);
  });
  requestAnimationFrame(() => {
    const [x, y] = (sessionStorage.getItem(KEPT) ?? "").split(" ").map(Number);
    if (x !== undefined && y !== undefined && Number.isFinite(x) && Number.isFinite(y)) place(x, y);
  });
  return grip;
}
