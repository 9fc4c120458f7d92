/** Tells the room which film this person looks at, from the viewer beside the call or round its tile: once a second at most. */

const EVERY_MS = 1_000;

export class Reading {
  private waiting: Record<string, unknown> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly heard = (event: Event): void => this.say((event as CustomEvent<Record<string, unknown>>).detail);

  constructor(private readonly tell: (look: Record<string, unknown>) => void) {}

  /** Listen to the viewer on this page. */
  watch(page: Document): void {
    page.addEventListener("viewer:look", this.heard);
  }

  /** What is looked at now; the last word of a second wins. Empty: nothing any more. */
  say(look: Record<string, unknown>): void {
    this.waiting = look;
    this.timer ??= setTimeout(() => this.send(), 0);
  }

  stop(): void {
    clearTimeout(this.timer);
    document.removeEventListener("viewer:look", this.heard);
  }

  private send(): void {
    if (this.waiting) this.tell(this.waiting);
    this.timer = this.waiting ? setTimeout(() => this.send(), EVERY_MS) : undefined;
    this.waiting = null;
  }
}
