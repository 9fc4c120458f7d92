/** Fetches films ahead, nearest first, never more than the line and the memory bear. */

import { cache, Enums, imageLoader } from "@cornerstonejs/core";
import { fetchOrder } from "./arrivals";
import { number, type Film } from "./films";

interface Line {
  saveData?: boolean;
  effectiveType?: string;
}

/** How many at a time and how far, on this line. Saving data or 2G: only the neighbours. */
export function appetite(line: Line | undefined, small: boolean): { together: number; reach: number } {
  if (line?.saveData || line?.effectiveType === "slow-2g" || line?.effectiveType === "2g")
    return { together: 1, reach: 2 };
  if (line?.effectiveType === "3g") return { together: 2, reach: 20 };
  return { together: small ? 2 : 4, reach: small ? 60 : 2000 };
}

/** Bytes a film takes in memory once decoded. */
export function decodedBytes(film: Film): number {
  const { meta } = film;
  const bytesPerSample = number(meta, "00280100", 16) > 8 ? 2 : 1;
  return number(meta, "00280010") * number(meta, "00280011") * number(meta, "00280002", 1) * bytesPerSample;
}

export class Prefetch {
  private round = 0;

  constructor(private readonly small: boolean) {}

  /** Fetch around `at` until all is here, `stop` or `around` is called again. */
  around(films: readonly Film[], at: number): void {
    this.round += 1;
    const first = films[0];
    if (!first) return;
    const line = (navigator as Navigator & { connection?: Line }).connection;
    const { together, reach } = appetite(line, this.small);
    // Half of the cache for one series: the other pane and the way back stay in memory.
    const fits = Math.floor((cache.getMaxCacheSize() * 0.5) / Math.max(1, decodedBytes(first)));
    const waiting = fetchOrder(films.length, at, Math.min(reach, Math.floor(fits / 2)));
    for (let lane = 0; lane < together; lane += 1) void this.lane(films, waiting, this.round);
  }

  stop(): void {
    this.round += 1;
  }

  private async lane(films: readonly Film[], waiting: number[], round: number): Promise<void> {
    while (round === this.round) {
      const at = waiting.shift();
      if (at === undefined) return;
      const film = films[at];
      if (!film || cache.isLoaded(film.imageId)) continue;
      try {
        await imageLoader.loadAndCacheImage(film.imageId, { requestType: Enums.RequestType.Prefetch, priority: 10 });
      } catch {
        // What cannot be fetched ahead says so when it is opened.
      }
    }
  }
}
