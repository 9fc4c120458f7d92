/** Key images: which films were chosen for the report, and choosing one more. */

import { newKey, sendJson } from "../http";
import type { Film } from "./films";

export interface KeyImage {
  study_uid: string;
  series_uid: string;
  instance_uid: string;
  frame: number;
  window_center: number | null;
  window_width: number | null;
  note: string;
}

export class KeyImages {
  private readonly chosen = new Set<string>();

  /** @param url Where they are kept; empty where none may be chosen. */
  constructor(private readonly url: string) {}

  get allowed(): boolean {
    return this.url !== "";
  }

  get count(): number {
    return this.chosen.size;
  }

  has(film: Film | undefined): boolean {
    return film !== undefined && this.chosen.has(`${film.instance}/${film.frame}`);
  }

  /** Learn what was chosen before. Where the server has no list to give, there is none. */
  async load(): Promise<void> {
    if (!this.url) return;
    try {
      const answer = await sendJson("GET", this.url);
      for (const item of Array.isArray(answer.items) ? (answer.items as Partial<KeyImage>[]) : [])
        if (item.instance_uid) this.chosen.add(`${item.instance_uid}/${item.frame ?? 1}`);
    } catch {
      // The stars are a convenience; the report's own list is the truth.
    }
  }

  async add(film: Film, window: { center: number; width: number } | null, note: string): Promise<KeyImage> {
    const image: KeyImage = {
      study_uid: film.study,
      series_uid: film.series,
      instance_uid: film.instance,
      frame: film.frame,
      window_center: window && Math.round(window.center * 100) / 100,
      window_width: window && Math.round(window.width * 100) / 100,
      note,
    };
    const answer = await sendJson("POST", this.url, image, { idempotencyKey: newKey() });
    this.chosen.add(`${film.instance}/${film.frame}`);
    return { ...image, ...answer };
  }
}
