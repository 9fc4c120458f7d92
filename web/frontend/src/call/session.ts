/**
 * The conversation with the exchange: fetches a ticket, opens the socket, says hello, and comes back after every break with a
 * fresh ticket, for ever, until a person leaves or the call is over. Must not know media or the page.
 */

import { Refusal } from "../http";
import { read, VERSION, write, type Reply, type Request, type Welcome } from "./wire";

export interface Ticket {
  ticket: string;
  /** Address of the socket. */
  rtc: string;
}

/** Why it is over: by the exchange's word, by ours (`left`), or because the house does not let us in (`refused`). */
export type Ending = "ended" | "removed" | "replaced" | "declined" | "left" | "refused";

export interface SessionEvents {
  ticket: () => Promise<Ticket>;
  /** Whether the media connection still runs, so that the exchange should keep it. */
  mediaRuns: () => boolean;
  welcome: (welcome: Welcome) => void;
  word: (word: Reply) => void;
  /** The socket broke; coming back has begun. `attempt` counts from 1. */
  broken: (attempt: number) => void;
  over: (ending: Ending, detail: string) => void;
}

const FIRST_MS = 300;
const MOST_MS = 4_000;
const GREETING_MS = 8_000;
const PING_EVERY_MS = 5_000;
const SILENT_MS = 12_000;

/** Waiting before an attempt: doubling up to four seconds, spread so that a whole clinic does not come back in one instant. */
export function waitBefore(attempt: number, random: number): number {
  return Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 10)) * (0.7 + 0.3 * random);
}

/** What a refused ticket means: over, or try again later. */
export function judge(status: number): Ending | "again" {
  if (status === 410) return "ended";
  return [400, 401, 403, 404, 409].includes(status) ? "refused" : "again";
}

export function socketAddress(address: string, page: string): string {
  const url = new URL(address, page);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

export class Session {
  private socket: WebSocket | null = null;
  private seated = false;
  /** Connected, and somebody inside has to say yes. */
  private atDoor = false;
  private attempt = 0;
  private over = false;
  private pings = 0;
  private heardAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pulse: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly events: SessionEvents) {}

  get open(): boolean {
    return this.seated;
  }

  start(): void {
    void this.connect();
  }

  /** Say something; false when there is no seat now. */
  send(word: Request): boolean {
    const listened = this.seated || (this.atDoor && (word.type === "ping" || word.type === "leave"));
    if (!listened || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(write(word));
    return true;
  }

  /** The network is back: do not wait any longer. */
  hurry(): void {
    if (this.over || this.seated || this.atDoor || this.timer === undefined) return;
    clearTimeout(this.timer);
    void this.connect();
  }

  /** Is the socket still there? After sleep or a change of network it may be dead without saying so. */
  probe(): void {
    if (this.seated || this.atDoor) this.send({ type: "ping", number: ++this.pings });
    else this.hurry();
  }

  leave(): void {
    this.send({ type: "leave" });
    this.finish("left", "");
  }

  end(): void {
    this.send({ type: "end" });
  }

  // ---------------------------------------------------------------- inside
  private async connect(): Promise<void> {
    this.timer = undefined;
    let ticket: Ticket;
    try {
      ticket = await this.events.ticket();
    } catch (error) {
      const verdict = error instanceof Refusal ? judge(error.status) : "again";
      if (verdict === "again") this.again();
      else this.finish(verdict, error instanceof Error ? error.message : "");
      return;
    }
    if (this.over) return;
    const socket = new WebSocket(socketAddress(ticket.rtc, location.href));
    this.socket = socket;
    const deadline = setTimeout(() => socket.close(), GREETING_MS);
    socket.addEventListener("open", () => {
      const resume = this.events.mediaRuns();
      socket.send(write({ type: "hello", version: VERSION, ticket: ticket.ticket, resume }));
    });
    socket.addEventListener("message", (event: MessageEvent<unknown>) => {
      if (socket !== this.socket) return;
      this.heardAt = Date.now();
      const word = read(event.data);
      if (word?.type === "welcome" || word?.type === "waiting") clearTimeout(deadline);
      if (word) this.hear(word);
    });
    socket.addEventListener("close", () => {
      clearTimeout(deadline);
      if (socket === this.socket) this.drop();
    });
  }

  private hear(word: Reply): void {
    switch (word.type) {
      case "waiting":
        this.atDoor = true;
        this.held();
        this.events.word(word);
        return;
      case "welcome":
        this.seated = true;
        this.atDoor = false;
        this.held();
        this.events.welcome(word);
        return;
      case "closing":
        if (!word.again && word.code !== "left" && word.code !== "expired" && word.code !== "draining")
          this.finish(word.code, "");
        return;
      case "refused":
        if (!this.seated && word.code === "ended") this.finish("ended", "");
        else if (!this.seated && word.code === "version") this.finish("refused", word.detail);
        else this.events.word(word);
        return;
      default:
        this.events.word(word);
    }
  }

  /** The line stands: from now on it is watched. */
  private held(): void {
    this.attempt = 0;
    clearInterval(this.pulse);
    this.pulse = setInterval(() => this.beat(), PING_EVERY_MS);
  }

  private beat(): void {
    if (Date.now() - this.heardAt > SILENT_MS) {
      const dead = this.socket;
      this.drop();
      dead?.close();
      return;
    }
    this.send({ type: "ping", number: ++this.pings });
  }

  private drop(): void {
    this.socket = null;
    this.seated = false;
    this.atDoor = false;
    clearInterval(this.pulse);
    if (!this.over) this.again();
  }

  private again(): void {
    this.attempt += 1;
    this.events.broken(this.attempt);
    this.timer = setTimeout(() => void this.connect(), waitBefore(this.attempt, Math.random()));
  }

  private finish(ending: Ending, detail: string): void {
    if (this.over) return;
    this.over = true;
    this.seated = false;
    this.atDoor = false;
    clearTimeout(this.timer);
    clearInterval(this.pulse);
    // A moment for the last word to leave.
    const socket = this.socket;
    this.socket = null;
    setTimeout(() => socket?.close(), 200);
    this.events.over(ending, detail);
  }
}
