/**
 * Pure: whose films this person is shown, and whether they follow. A specialist leads; the others follow until they do something
 * with the films themselves. Whoever is a specialist follows only by their own tap.
 */

import type { Seat } from "../call/wire";
import type { Look } from "./reading";

const LEADS = "specialist";

export class Follow {
  private leader: Pick<Seat, "participant" | "name" | "role"> | null = null;
  private look: Look | null = null;
  /** What the person said about this leader. */
  private choice: boolean | null = null;
  private mayLead = false;

  /** What is shown now, by whom, and whether it is followed; null while nobody shows anything. */
  get lead(): { name: string; look: Look; on: boolean } | null {
    return this.leader && this.look ? { name: this.leader.name, look: this.look, on: this.on } : null;
  }

  get on(): boolean {
    return this.look !== null && (this.choice ?? (this.leader?.role === LEADS && !this.mayLead));
  }

  choose(on: boolean): void {
    this.choice = on;
  }

  /** Somebody looks at a film, or at none any more. */
  hear(look: Look, who: string, seats: ReadonlyMap<string, Seat>, me: string): void {
    const seat = seats.get(who);
    if (!seat || who === me) return;
    this.mayLead = seats.get(me)?.role === LEADS;
    const isLeader = this.leader?.participant === who;
    const isOver = Object.keys(look).length === 0;
    if (isOver && isLeader) this.look = null;
    if (isOver) return;
    // While a specialist shows films nobody else's come between.
    if (!isLeader && this.look && this.leader?.role === LEADS && seat.role !== LEADS) return;
    if (!isLeader) this.choice = null;
    this.leader = seat;
    this.look = look;
  }

  /** Who has left shows nothing. Whether that changed anything. */
  keep(seats: ReadonlyMap<string, Seat>): boolean {
    if (!this.leader || seats.has(this.leader.participant)) return false;
    this.leader = this.look = this.choice = null;
    return true;
  }
}
