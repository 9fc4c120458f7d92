/** Written words in the call: the consult's own conversation, so that nothing is lost when the call is over. */

import { el, icon } from "../dom";
import { newKey, Refusal, sendJson } from "../http";
import { clockTime, t } from "../i18n";

const POLL_MS = 15_000;
const KEPT = 200;

interface Message {
  number: number;
  who: string;
  text: string;
  at: string;
  spoken: boolean;
}

/** Messages, and what has arrived, in an answer of the consult's timeline; other kinds of entries are left out. */
export function messagesIn(answer: Record<string, unknown>): Message[] {
  const found: Message[] = [];
  for (const item of Array.isArray(answer.items) ? (answer.items as unknown[]) : []) {
    if (typeof item !== "object" || item === null) continue;
    const entry = item as Record<string, unknown>;
    const author = (entry.actor as { name?: unknown } | null | undefined)?.name;
    const who = typeof author === "string" ? author : "";
    const { number, at } = entry;
    const fields = (entry.fields ?? {}) as Record<string, unknown>;
    const spoken = entry.kind === "message" && Boolean(fields.clip);
    const text = textOf(entry, fields.kind);
    if (typeof number === "number" && typeof text === "string" && (text || spoken))
      found.push({ number, who, text, at: typeof at === "string" ? at : "", spoken });
  }
  return found;
}

function textOf(entry: Record<string, unknown>, kind: unknown): unknown {
  if (entry.kind !== "material") return entry.kind === "message" ? entry.text : "";
  if (kind === "study") return t("Films have arrived");
  return kind === "lab_report" ? t("Lab results have arrived") : t("A document has arrived");
}

/** The number of the last entry, shown or not. */
function lastIn(answer: Record<string, unknown>): number {
  const last = Array.isArray(answer.items) ? (answer.items as { number?: unknown }[]).at(-1) : undefined;
  return typeof last?.number === "number" ? last.number : 0;
}

export class Chat {
  readonly element: HTMLElement;
  private readonly list = el("div", { class: "chat-list", role: "log", tabindex: 0, "aria-label": t("Messages") });
  private readonly input = el("input", { id: "call-message", maxlength: 4000, autocomplete: "off" });
  private readonly error = el("p", { class: "chat-error", role: "alert", hidden: true });
  private readonly timer: ReturnType<typeof setInterval>;
  private source: EventSource | null = null;
  private last = 0;
  private busy = false;
  private draft = { text: "", key: "" };

  constructor(
    private readonly url: string,
    events: string | undefined,
    topic: string | undefined,
    private readonly said: () => void,
    private readonly arrived: (count: number) => void,
    private readonly zone: string | undefined,
  ) {
    const send = el("button", { type: "submit", class: "plain", "aria-label": t("Send") }, icon("send"));
    const form = el(
      "form",
      { class: "write", onsubmit: (event) => void this.send(event) },
      el("label", { class: "unseen", for: "call-message" }, t("Write a message")),
      this.input,
      send,
    );
    this.element = el(
      "section",
      { class: "chat", "aria-labelledby": "call-chat" },
      el("h2", { id: "call-chat" }, t("Messages of this consult")),
      this.list,
      this.error,
      form,
      // The call goes on as a tile there.
      el(
        "a",
        { class: "link", href: url.replace(/^\/api\/v1(.*)\/messages$/, "$1#films") },
        icon("paperclip"),
        t("Add films or documents"),
      ),
    );
    if (events && "EventSource" in window) {
      this.source = new EventSource(events);
      this.source.addEventListener("message", (event: MessageEvent<string>) => {
        if (!topic || event.data.includes(topic)) void this.fetch();
      });
    }
    this.timer = setInterval(() => void this.fetch(), POLL_MS);
    void this.fetch();
    void this.letSpeak();
  }

  async fetch(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      const first = this.last === 0;
      const answer = await sendJson("GET", `${this.url.replace(/messages$/, "timeline")}?after=${this.last}`);
      const found = messagesIn(answer).filter((one) => one.number > this.last);
      for (const one of found) this.add(one);
      this.last = Math.max(this.last, lastIn(answer));
      if (found.length > 0 && !first) this.arrived(found.length);
    } catch {
      // The next look comes soon.
    } finally {
      this.busy = false;
    }
  }

  stop(): void {
    clearInterval(this.timer);
    this.source?.close();
  }

  /** Where the line is too weak for a call, a voice still arrives. */
  private async letSpeak(): Promise<void> {
    const { canSpeak, Voice } = await import("../pages/voice-clip");
    const sent = (): void => {
      this.said();
      void this.fetch();
    };
    if (canSpeak()) this.element.append(new Voice(`${this.url}/voice`, sent).element);
  }

  private add(message: Message): void {
    const when = message.at ? clockTime(new Date(message.at), this.zone) : "";
    const said = message.spoken
      ? el("audio", {
          controls: true,
          preload: "none",
          "aria-label": t("Voice message"),
          src: `${this.url}/voice/${message.number}`,
        })
      : message.text;
    this.list.append(el("p", {}, el("b", {}, `${message.who} ${when}`), el("br"), said));
    while (this.list.children.length > KEPT) this.list.firstElementChild?.remove();
    this.list.scrollTop = this.list.scrollHeight;
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text) return;
    // The same words sent again after a broken line are one message.
    if (this.draft.text !== text) this.draft = { text, key: newKey() };
    try {
      await sendJson("POST", this.url, { text }, { idempotencyKey: this.draft.key });
      if (this.input.value.trim() === text) this.input.value = "";
      this.draft = { text: "", key: "" };
      this.error.hidden = true;
      this.said();
      await this.fetch();
    } catch (error) {
      this.error.textContent =
        error instanceof Refusal ? error.message : t("Not sent: no connection. Your text still stands in the field.");
      this.error.hidden = false;
    }
  }
}
