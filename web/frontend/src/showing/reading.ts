/** Tells the room which film this person looks at, from the viewer beside the call or round its tile; the last look of each interval. */

export type Look = Record<string, unknown>;

export class Reading {
  private last: Look | null = null;
  private waiting: Look | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param tell Sends it; whether that was possible, else it is tried again.
   * @param everyMs How often at most, as the line is now.
   */
  constructor(
    private readonly tell: (look: Look) => boolean,
    private readonly everyMs: () => number,
  ) {}

  /** What is looked at now; empty: nothing any more. */
  say(look: Look): void {
    this.last = this.waiting = look;
    this.timer ??= setTimeout(() => this.send(), 0);
  }

  /** Nothing is shown by this person any more. */
  withdraw(): void {
    if (this.last && Object.keys(this.last).length > 0) this.say({});
  }

  /** The room may have forgotten it. */
  again(): void {
    if (this.last) this.say(this.last);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.last = this.waiting = null;
  }

  private send(): void {
    const look = this.waiting;
    this.timer = look ? setTimeout(() => this.send(), this.everyMs()) : undefined;
    if (look && this.tell(look)) this.waiting = null;
  }
}
