/** Places on a film as shares of its width and height: the same however it is turned or enlarged. And the mark of somebody else's. */

import { utilities } from "@cornerstonejs/core";
import { el } from "../dom";
import type { StackViewport } from "./engine";

export interface Spot {
  x: number;
  y: number;
}

const imageOf = (viewport: StackViewport): { imageId: string; columns: number; rows: number } | undefined =>
  viewport.getCornerstoneImage();

/** Where a place on the canvas lies on the film; null beside it. */
export function spotAt(viewport: StackViewport, left: number, top: number): Spot | null {
  const image = imageOf(viewport);
  const found = image && utilities.worldToImageCoords(image.imageId, viewport.canvasToWorld([left, top]));
  if (!found) return null;
  const [x, y] = [found[0] / image.columns, found[1] / image.rows];
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x, y } : null;
}

export class Pointer {
  readonly element = el("div", { class: "pointer", hidden: true });

  /** Show where somebody else points; null for nowhere. */
  show(viewport: StackViewport, at: Spot | null): void {
    const image = imageOf(viewport);
    const world = at && image && utilities.imageToWorldCoords(image.imageId, [at.x * image.columns, at.y * image.rows]);
    this.element.hidden = !world;
    if (!world) return;
    const [left, top] = viewport.worldToCanvas(world);
    this.element.style.translate = `${left}px ${top}px`;
  }
}
