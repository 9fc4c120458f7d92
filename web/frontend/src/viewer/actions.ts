/** Everything a reader can do, with its word, icon and key. What it does is the room's. */

import { t } from "../i18n";
import type { Commands } from "./commands";
import { MEASURING, type MouseTool } from "./engine";
import type { Room } from "./room";

export function addActions(commands: Commands, room: Room): void {
  const waits = (): string => (room.active.quality === "full" ? "" : t("Measuring waits for the original"));
  const tool = (id: MouseTool, label: string, iconName: string, key: string): void =>
    commands.add({
      id,
      label,
      icon: iconName,
      key,
      run: () => room.engine.use(id),
      pressed: () => room.engine.tool === id,
      ...(MEASURING.has(id) ? { blocked: waits } : {}),
    });
  tool("window", t("Window"), "contrast", "w");
  tool("scroll", t("Scroll"), "layers", "s");
  tool("pan", t("Move"), "move", "m");
  tool("zoom", t("Zoom"), "zoom-in", "z");
  tool("length", t("Length"), "ruler", "l");
  tool("angle", t("Angle"), "chevron-up", "g");
  tool("ellipse", t("Area"), "circle-dot", "e");
  tool("arrow", t("Arrow"), "arrow-up-right", "a");
  commands.add(
    { id: "erase", label: t("Remove mark"), icon: "trash-2", key: "Delete", keyText: "Del", run: () => room.erase() },
    {
      id: "star",
      label: t("Key image"),
      icon: "star",
      key: "k",
      run: () => void room.star(),
      blocked: () => room.starBlocked(),
      pressed: () => room.active.star,
    },
    {
      id: "previous",
      label: t("Previous image"),
      icon: "minus",
      key: "ArrowUp",
      keyText: "↑",
      run: () => room.active.step(-1),
    },
    {
      id: "next",
      label: t("Next image"),
      icon: "plus",
      key: "ArrowDown",
      keyText: "↓",
      run: () => room.active.step(1),
    },
    {
      id: "back",
      label: t("Ten images back"),
      icon: "chevron-up",
      key: "PageUp",
      keyText: "PgUp",
      run: () => room.active.step(-10),
    },
    {
      id: "ahead",
      label: t("Ten images ahead"),
      icon: "chevron-down",
      key: "PageDown",
      keyText: "PgDn",
      run: () => room.active.step(10),
    },
    {
      id: "cine",
      label: t("Play"),
      icon: "play",
      key: "c",
      run: () => room.toggleCine(),
      pressed: () => room.playing,
    },
    {
      id: "invert",
      label: t("Invert"),
      icon: "contrast",
      key: "i",
      run: () => room.active.invert(),
      pressed: () => room.active.films.length > 0 && room.active.inverted,
    },
    { id: "rotate", label: t("Rotate"), icon: "rotate-cw", key: "r", run: () => room.active.rotate() },
    {
      id: "mirror",
      label: t("Flip left to right"),
      icon: "flip-horizontal-2",
      key: "h",
      run: () => room.active.flip("flipHorizontal"),
    },
    {
      id: "upend",
      label: t("Flip top to bottom"),
      icon: "flip-vertical-2",
      key: "v",
      run: () => room.active.flip("flipVertical"),
    },
    { id: "reset", label: t("Reset"), icon: "rotate-ccw", key: "0", run: () => room.active.reset() },
    {
      id: "link",
      label: t("Link"),
      icon: "link-2",
      key: "b",
      run: () => room.toggleLink(),
      pressed: () => room.linked,
      blocked: () => (room.paneCount > 1 ? "" : t("Link")),
    },
    {
      id: "layout-1",
      label: "1×1",
      icon: "square",
      run: () => room.setLayout(1),
      pressed: () => room.paneCount === 1,
    },
    {
      id: "layout-2",
      label: "1×2",
      icon: "columns-2",
      run: () => room.setLayout(2),
      pressed: () => room.paneCount === 2,
    },
    {
      id: "layout-4",
      label: "2×2",
      icon: "grid-2x2",
      run: () => room.setLayout(4),
      pressed: () => room.paneCount === 4,
    },
    { id: "series", label: t("Series"), icon: "layers", run: () => room.toggleSeries() },
    {
      id: "full-screen",
      label: t("Full screen"),
      icon: "maximize",
      key: "f",
      run: () => void room.fullScreen(),
      pressed: () => document.fullscreenElement !== null,
    },
  );
}
