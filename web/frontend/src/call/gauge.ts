/** Reads a connection's counters from time to time, and keeps what two looks together tell. Must not know the call. */

import { figures, rates, theirLoss, totals, type Totals } from "./quality";
import type { Figures } from "./wire";

export class Gauge {
  /** Kilobits a second. */
  rate = { up: 0, down: 0 };
  private before: Totals | null = null;
  private lookedAt = 0;

  /** Another connection counts from nothing. */
  reset(): void {
    this.before = null;
  }

  async look(pc: RTCPeerConnection): Promise<{ measured: Figures; theirLoss: number }> {
    const entries: Record<string, unknown>[] = [];
    (await pc.getStats()).forEach((entry: Record<string, unknown>) => entries.push(entry));
    const [at, now] = [Date.now(), totals(entries)];
    const measured = figures(this.before, now);
    const lost = theirLoss(this.before, now);
    this.rate = rates(this.before, now, (at - this.lookedAt) / 1000);
    this.before = now;
    this.lookedAt = at;
    return { measured, theirLoss: lost };
  }
}
