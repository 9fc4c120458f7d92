/** Beside the films of a call: tells the room what is looked at here, and lets the viewers here follow what somebody shows. */

import type { Call } from "../call/call";
import { Follow } from "./follow";
import { Reading, type Look } from "./reading";

export { askForScreen } from "./screen";

const EVERY_MS = 200;
const EVERY_MS_ON_A_WEAK_LINE = 1_000;

export class Showing {
  private readonly follow = new Follow();
  private readonly reading: Reading;
  private readonly pages = new Set<Document>();
  private readonly onLook = (event: Event): void => {
    if (!this.follow.on) this.reading.say((event as CustomEvent<Look>).detail);
  };
  private readonly onChoice = (event: Event): void => {
    const { on } = (event as CustomEvent<{ on: boolean }>).detail;
    if (on === this.follow.on) return;
    this.follow.choose(on);
    this.lead();
  };
  private readonly onReady = (event: Event): void => this.lead([(event.target as Node).ownerDocument ?? document]);

  constructor(private readonly call: Call) {
    this.reading = new Reading(
      (look) => {
        const may = call.phase === "in" && call.grants.has("share");
        if (may) call.tell("view", look);
        return may;
      },
      () => (call.sendsVideo && call.receivesVideo ? EVERY_MS : EVERY_MS_ON_A_WEAK_LINE),
    );
    this.watch(document);
  }

  /** Listen to the viewer on this page, also to one that is not there yet. */
  watch(page: Document): void {
    this.pages.add(page);
    page.addEventListener("viewer:look", this.onLook);
    page.addEventListener("viewer:follow", this.onChoice);
    page.addEventListener("viewer:ready", this.onReady);
    this.lead([page]);
  }

  /** What somebody in the room looks at. */
  hear(look: Look, participant: string): void {
    const { call, follow } = this;
    const { participant: kept, ...rest } = look;
    const who = participant || (typeof kept === "string" ? kept : "");
    // From before a reload or another page: here no film is open any more.
    if (who === call.me && !document.querySelector("[data-viewer]")) this.reading.say({});
    follow.hear(rest, who, call.seats, call.me);
    this.lead();
  }

  /** The films of this page are put away; what their viewer says from now on is looked at by nobody. */
  close(page: Document): void {
    this.pages.delete(page);
    page.removeEventListener("viewer:look", this.onLook);
    page.removeEventListener("viewer:follow", this.onChoice);
    page.removeEventListener("viewer:ready", this.onReady);
    this.reading.withdraw();
  }

  again(): void {
    this.reading.again();
  }

  update(): void {
    if (this.follow.keep(this.call.seats)) this.lead();
  }

  stop(): void {
    for (const page of this.pages) {
      page.dispatchEvent(new CustomEvent("viewer:lead", { detail: null }));
      this.close(page);
    }
    this.reading.stop();
  }

  private lead(pages: Iterable<Document> = this.pages): void {
    if (this.follow.on) this.reading.withdraw(); // whoever follows shows nothing of their own
    for (const page of pages) page.dispatchEvent(new CustomEvent("viewer:lead", { detail: this.follow.lead }));
  }
}
