/** Tells the room which film this person looks at, from the viewer beside the call or round its tile: once a second at most. */

const EVERY_MS = 1_000;

type Look = Record<string, unknown>;

export class Reading {
  private last: Look | null = null;
  private waiting: Look | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly heard = (event: Event): void => this.say((event as CustomEvent<Look>).detail);

  /** @param tell Sends it; whether that was possible, else it is tried again. */
  constructor(private readonly tell: (look: Look) => boolean) {}

  /** Listen to the viewer on this page. */
  watch(page: Document): void {
    page.addEventListener("viewer:look", this.heard);
  }

  /** What is looked at now; the last word of a second wins. Empty: nothing any more. */
  say(look: Look): void {
    this.last = this.waiting = look;
    this.timer ??= setTimeout(() => this.send(), 0);
  }

  /** The room may have forgotten it. */
  again(): void {
    if (this.last) this.say(this.last);
  }

  stop(): void {
    clearTimeout(this.timer);
    document.removeEventListener("viewer:look", this.heard);
  }

  private send(): void {
    const look = this.waiting;
    this.timer = look ? setTimeout(() => this.send(), EVERY_MS) : undefined;
    if (look && this.tell(look)) this.waiting = null;
  }
}
