/** A form that saves itself: nothing typed is lost by a crash, a break in the line, another tab or another person. */

import { announce, el, icon } from "../dom";
import { Refusal, sendJson } from "../http";
import { clockTime, t } from "../i18n";
import { fieldsOf, onlyMine, putBack, same, type Fields } from "./fields";
import { decide, forget, keep, keptAt, keyFor, type Kept } from "./kept";

const AFTER_TYPING_MS = 1500;
const AFTER_BREAK_MS = 15_000;
/** Browsers let 64 KiB go out while a page closes. */
const MOST_KEEPALIVE_CHARS = 20_000;

export function mount(element: HTMLElement): void {
  if (element instanceof HTMLFormElement && element.dataset.url) new Autosave(element, element.dataset.url).start();
}

class Autosave {
  private version: number;
  private saved: Fields;
  /** What went out last, arrived or not: a line may break after the server has taken it. */
  private sent: Fields | null = null;
  private timer = 0;
  private inFlight: Promise<void> | null = null;
  private submitting = false;
  private stopped = false;
  private readonly key: string;
  private readonly tab = Math.random().toString(36).slice(2);
  private notice: HTMLElement | null = null;
  private tabNotice: HTMLElement | null = null;

  constructor(
    private readonly form: HTMLFormElement,
    private readonly url: string,
  ) {
    this.version = Number(form.dataset.version ?? "0");
    this.key = keyFor(form.dataset.user ?? "", url);
    this.saved = fieldsOf(form);
  }

  start(): void {
    this.offerKept();
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("change", () => this.changed());
    this.form.addEventListener("submit", (event) => this.onSubmit(event));
    addEventListener("online", () => this.soon(0));
    addEventListener("pagehide", () => this.flush());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.flush();
    });
    addEventListener("pageshow", () => (this.submitting = false));
    this.watchTabs();
  }

  private get dirty(): boolean {
    return !same(fieldsOf(this.form), this.saved);
  }

  private changed(): void {
    if (!this.dirty) return;
    this.keepNow(false);
    this.soon(AFTER_TYPING_MS);
  }

  private keepNow(submitted: boolean): void {
    keep(this.key, { fields: fieldsOf(this.form), version: this.version, at: Date.now(), submitted });
  }

  private soon(afterMs: number): void {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = window.setTimeout(() => void this.save(), afterMs);
  }

  private save(keepalive = false): Promise<void> {
    if (this.inFlight) return this.inFlight;
    if (!this.dirty || this.submitting || this.stopped) return Promise.resolve();
    clearTimeout(this.timer);
    const fields = fieldsOf(this.form);
    this.inFlight = this.send(fields, keepalive).finally(() => {
      this.inFlight = null;
      if (this.dirty && !this.stopped && !this.submitting) this.soon(this.failing ? AFTER_BREAK_MS : AFTER_TYPING_MS);
    });
    return this.inFlight;
  }

  private failing = false;

  private async send(fields: Fields, keepalive: boolean): Promise<void> {
    const before = this.sent;
    this.sent = fields;
    try {
      const answer = await sendJson("PUT", this.url, { ...fields, version: this.version }, { keepalive });
      this.failing = false;
      this.setVersion(typeof answer.version === "number" ? answer.version : this.version);
      this.saved = fields;
      if (same(fieldsOf(this.form), fields)) forget(this.key);
      else this.keepNow(false);
      const at = typeof answer.saved_at === "string" ? new Date(answer.saved_at) : new Date();
      this.say(t("Saved automatically {time}", { time: clockTime(at) }), "cloud-check");
      announce(this.form, "autosave:saved", { version: this.version });
    } catch (error) {
      this.failing = true;
      if (error instanceof Refusal && error.status === 409 && (await this.wasMine(before))) return;
      this.refused(error);
    }
  }

  /** A save that was refused as stale: whether what is there now is only what this form sent before. Then it goes on. */
  private async wasMine(before: Fields | null): Promise<boolean> {
    const theirs = await this.thereNow();
    if (!theirs || !onlyMine(theirs.fields, [this.saved, before, fieldsOf(this.form)])) return false;
    this.saved = theirs.fields;
    this.setVersion(theirs.version);
    this.failing = false;
    return true;
  }

  private async thereNow(): Promise<{ fields: Fields; version: number } | null> {
    try {
      const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
      const form = page.querySelector(`form[data-url="${CSS.escape(this.url)}"]`);
      return form instanceof HTMLFormElement
        ? { fields: fieldsOf(form), version: Number(form.dataset.version ?? "0") }
        : null;
    } catch {
      return null;
    }
  }

  private refused(error: unknown): void {
    if (!(error instanceof Refusal) || error.status >= 500) {
      this.say(t("No connection. Your text is kept on this device and will be sent."), "triangle-alert");
      return;
    }
    if (error.status === 409) {
      this.conflict(error);
      return;
    }
    if (error.status === 401 || error.status === 403) {
      this.stopped = true;
      this.say(
        t("You are logged out. Your text is kept on this device: log in again and open this page."),
        "triangle-alert",
      );
      return;
    }
    this.say(t("Not saved: {why}", { why: error.message }), "triangle-alert");
  }

  private conflict(error: Refusal): void {
    this.stopped = true;
    const theirs = error.body.version;
    this.say(t("Not saved: changed elsewhere"), "triangle-alert");
    this.ask(t("This form was changed elsewhere in the meantime. Your text is kept on this device."), [
      typeof theirs === "number"
        ? [
            t("Save my text"),
            () => {
              this.setVersion(theirs);
              this.stopped = false;
              this.keepNow(false);
              this.soon(0);
            },
          ]
        : null,
      // After the reload the kept text is older than the server's and is offered again: both can be seen.
      [t("Show the other text"), () => location.reload()],
    ]);
  }

  /** Text of an earlier visit: put back what is simply unsent, ask where the server has moved on. */
  private offerKept(): void {
    const kept = keptAt(this.key);
    const what = decide(kept, this.version, kept !== null && same(kept.fields, this.saved), Date.now());
    if (!kept || what === "nothing") {
      forget(this.key);
      return;
    }
    if (what === "restore") {
      this.restore(kept);
      return;
    }
    this.ask(
      t("On this device there is text from {time} that was not saved.", {
        time: new Date(kept.at).toLocaleString(document.documentElement.lang || "en"),
      }),
      [
        [t("Use that text"), () => this.restore(kept)],
        [t("Discard it"), () => forget(this.key)],
      ],
    );
  }

  private restore(kept: Kept): void {
    this.sent = kept.fields;
    putBack(this.form, kept.fields);
    this.keepNow(false);
    this.say(t("Your unsent text was put back."), "rotate-ccw");
    this.soon(AFTER_TYPING_MS);
  }

  private onSubmit(event: SubmitEvent): void {
    if (event.defaultPrevented) return;
    clearTimeout(this.timer);
    if (this.inFlight) {
      // The save under way changes the version: send the form after it, or the server would call it stale.
      event.preventDefault();
      const { submitter } = event;
      void this.inFlight.finally(() => this.form.requestSubmit(submitter));
      return;
    }
    this.submitting = true;
    if (this.dirty) this.keepNow(true);
  }

  private flush(): void {
    if (!this.dirty || this.submitting) return;
    this.keepNow(false);
    if (JSON.stringify(fieldsOf(this.form)).length < MOST_KEEPALIVE_CHARS) void this.save(true);
  }

  private setVersion(version: number): void {
    this.version = version;
    this.form.dataset.version = String(version);
    const field = this.form.elements.namedItem("version");
    if (field instanceof HTMLInputElement) field.value = String(version);
  }

  private say(words: string, iconName: string): void {
    const { status } = this.form.dataset;
    const place = status ? document.querySelector(status) : this.form.querySelector("[data-autosave-status]");
    if (!(place instanceof HTMLElement)) return;
    place.setAttribute("role", "status");
    place.hidden = false;
    place.replaceChildren(icon(iconName, true), words);
  }

  private ask(words: string, ways: ([string, () => void] | null)[]): void {
    this.notice?.remove();
    const notice = el("div", { class: "panel notice warning", role: "alert" }, el("p", {}, words));
    const buttons = el("p", { class: "row near" });
    for (const way of ways) {
      if (!way) continue;
      const [label, run] = way;
      const press = (): void => {
        notice.remove();
        run();
      };
      buttons.append(el("button", { type: "button", class: "button", onclick: press }, label));
    }
    notice.append(buttons);
    this.form.prepend(notice);
    this.notice = notice;
  }

  /** Two tabs with one form would overwrite each other: both are told. */
  private watchTabs(): void {
    if (!("BroadcastChannel" in window)) return;
    const channel = new BroadcastChannel(this.key);
    const others = new Set<string>();
    const show = (): void => {
      this.tabNotice?.remove();
      this.tabNotice = null;
      if (!others.size) return;
      this.tabNotice = el(
        "p",
        { class: "panel notice warning", role: "status" },
        icon("triangle-alert", true),
        t("This form is open in another tab too. Write in one of them only."),
      );
      this.form.prepend(this.tabNotice);
    };
    channel.addEventListener("message", (event: MessageEvent<{ kind?: string; tab?: string }>) => {
      const { kind, tab } = event.data;
      if (!tab || tab === this.tab) return;
      if (kind === "gone") others.delete(tab);
      else others.add(tab);
      if (kind === "here") channel.postMessage({ kind: "also", tab: this.tab });
      show();
    });
    channel.postMessage({ kind: "here", tab: this.tab });
    addEventListener("pagehide", () => channel.postMessage({ kind: "gone", tab: this.tab }));
    addEventListener("pageshow", (event) => {
      if (event.persisted) channel.postMessage({ kind: "here", tab: this.tab });
    });
  }
}
