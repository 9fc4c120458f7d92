/** The upload's face: a zone to choose or drop, one line of numbers, and the files that need a look. */

import "./upload.css";
import { announce, el, icon } from "../dom";
import { bytesText, t } from "../i18n";
import { fromDrop, fromInput } from "./drop";
import { Rate, rateText, type Picked, type Verdict } from "./files";
import { interrupted, Queue, type Item, type State } from "./queue";

const MOST_ROWS = 50;
const ALL_ROWS_UP_TO = 8;
const SAY_EVERY_MS = 10_000;

export function mount(host: HTMLElement): void {
  const { endpoint = "/uploads", reference = "", accept } = host.dataset;
  host.querySelectorAll("[data-upload-fallback]").forEach((part) => part.remove());
  new UploadBox(host, endpoint, reference, accept).show();
}

class UploadBox {
  private readonly queue: Queue;
  private readonly rate = new Rate();
  private readonly sum = el("div", { class: "panel upload-sum", hidden: true });
  private readonly headline = el("b", { "data-upload-count": true });
  private readonly details = el("span", { class: "small muted" });
  private readonly bar = el("progress", { max: 1, value: 0, "aria-label": t("Files verified") });
  private readonly list = el("ul", { class: "panel lines upload-files", hidden: true });
  private readonly spoken = el("p", { class: "only-read-aloud", role: "status" });
  private spokenAt = 0;
  private drawing = 0;
  private finished = true;

  constructor(
    private readonly host: HTMLElement,
    endpoint: string,
    private readonly reference: string,
    private readonly accept: string | undefined,
  ) {
    this.queue = new Queue({
      endpoint,
      reference,
      changed: () => this.draw(),
      judged: (item, verdict) => this.judged(item, verdict),
    });
    this.sum.append(el("p", { class: "row" }, this.headline, this.details), this.bar);
  }

  show(): void {
    this.host.append(this.zone(), this.sum, this.list, this.spoken);
  }

  private zone(): HTMLElement {
    const pending = interrupted(this.reference);
    const zone = el(
      "div",
      { class: "upload-zone" },
      el(
        "div",
        { class: "row near" },
        ...this.chooser(t("Choose files"), "upload", {
          multiple: true,
          accept: this.accept,
          "data-upload-input": "files",
        }),
        ...this.chooser(t("Choose a folder or CD"), "folder-up", {
          webkitdirectory: true,
          multiple: true,
          "data-upload-input": "folder",
        }),
        ...this.chooser(t("Take a photo"), "camera", {
          accept: "image/*",
          capture: "environment",
          "data-upload-input": "photo",
        }),
      ),
      el(
        "p",
        { class: "hint" },
        t("Or drop files, a folder or a zip file here. After a break in the line it goes on by itself."),
      ),
      pending
        ? el(
            "p",
            { class: "state warning" },
            icon("triangle-alert", true),
            t("Cut off before the end: {n}. Choose the same files again and they go on where they stopped.", {
              n: pending,
            }),
          )
        : null,
    );
    zone.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer) void fromDrop(event.dataTransfer).then((picked) => this.take(picked));
    });
    return zone;
  }

  private chooser(
    words: string,
    iconName: string,
    attributes: Record<string, string | boolean | undefined>,
  ): HTMLElement[] {
    const input = el("input", { type: "file", hidden: true, "aria-label": words, ...attributes });
    input.addEventListener("change", () => {
      this.take(fromInput(input));
      input.value = "";
    });
    const button = el(
      "button",
      { type: "button", class: "button", onclick: () => input.click() },
      icon(iconName),
      words,
    );
    return [button, input];
  }

  private take(picked: Picked[]): void {
    if (!picked.length) return;
    this.finished = false;
    this.queue.add(picked);
  }

  private judged(item: Item, verdict: Verdict): void {
    if (verdict.state === "verified")
      announce(this.host, "upload:verified", {
        name: verdict.name || item.picked.file.name,
        study_uid: verdict.studyUid,
        verified: this.count("verified"),
        total: this.total(),
      });
  }

  private count(state: "verified" | "refused"): number {
    return this.queue.items.flatMap((item) => item.verdicts).filter((verdict) => verdict.state === state).length;
  }

  /** Files to be judged; a zip counts as one until what is in it is known. */
  private total(): number {
    return this.queue.items.reduce((sum, item) => sum + Math.max(1, item.verdicts.length), 0);
  }

  private draw(): void {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.drawNow();
    });
  }

  private drawNow(): void {
    const { items } = this.queue;
    this.sum.hidden = this.list.hidden = items.length === 0;
    const [verified, refused, total] = [this.count("verified"), this.count("refused"), this.total()];
    const words = t("{n} of {total} verified", { n: verified, total });
    this.headline.textContent = words;
    this.bar.max = Math.max(1, total);
    this.bar.value = verified;
    this.details.textContent = this.numbers(refused);
    this.list.replaceChildren(...this.rows());
    const finished = items.every(
      (item) => item.state === "verified" || item.state === "refused" || item.state === "stopped",
    );
    if (finished || Date.now() - this.spokenAt > SAY_EVERY_MS) {
      this.spokenAt = Date.now();
      if (this.spoken.textContent !== words) this.spoken.textContent = words;
    }
    if (finished && !this.finished && items.length) {
      this.finished = true;
      announce(this.host, "upload:finished", { verified, refused });
      if (verified) void freshen();
    }
  }

  private numbers(refused: number): string {
    const { items } = this.queue;
    const sent = items.reduce((sum, item) => sum + item.sentBytes, 0);
    const all = items.reduce((sum, item) => sum + item.picked.file.size, 0);
    this.rate.add(Date.now(), sent);
    const parts = [t("{sent} of {all}", { sent: bytesText(sent), all: bytesText(all) })];
    const sending = items.some((item) => item.state === "sending");
    const perSecond = sending ? this.rate.perSecond() : 0;
    if (perSecond > 0) {
      const minutes = Math.ceil((all - sent) / perSecond / 60);
      parts.push(rateText(perSecond), t("about {n} min left", { n: minutes }));
    }
    if (refused) parts.push(t("{n} refused", { n: refused }));
    return parts.join(" · ");
  }

  /** All rows of a small batch; of a large one those that are on the way or need a look. */
  private rows(): HTMLElement[] {
    const { items } = this.queue;
    const order: State[] = ["stopped", "refused", "offline", "sending", "checking", "waiting", "verified"];
    const shown =
      items.length <= ALL_ROWS_UP_TO ? items : items.filter((item) => item.state !== "verified" || item.reason !== "");
    return [...shown]
      .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
      .slice(0, MOST_ROWS)
      .map((item) => this.row(item));
  }

  private row(item: Item): HTMLElement {
    const { file, path } = item.picked;
    const retry = ["stopped", "refused", "offline"].includes(item.state) && file.size > 0;
    const named = (words: string): string => `${words}: ${file.name}`;
    return el(
      "li",
      { "data-state": item.state },
      el(
        "div",
        { class: "row" },
        el("span", { class: "name", title: path }, file.name),
        el("span", { class: "small muted" }, bytesText(file.size)),
        el("span", { class: "end" }, stateWord(item)),
        retry
          ? el(
              "button",
              {
                type: "button",
                class: "button plain",
                "aria-label": named(t("Try again")),
                onclick: () => this.queue.retry(item),
              },
              t("Try again"),
            )
          : null,
        item.state !== "verified"
          ? el(
              "button",
              {
                type: "button",
                class: "button plain",
                "aria-label": named(t("Remove")),
                onclick: () => this.queue.remove(item),
              },
              t("Remove"),
            )
          : null,
      ),
      item.reason ? el("p", { class: "small why" }, item.reason) : null,
      ...item.verdicts
        .filter((verdict) => verdict.state === "refused" && item.verdicts.length > 1)
        .slice(0, 10)
        .map((verdict) => el("p", { class: "small why muted" }, `${verdict.name}: ${verdict.reason}`)),
    );
  }
}

/** Bring what the page says of its material up to date; what is being typed stays untouched. */
async function freshen(): Promise<void> {
  const parts = [...document.querySelectorAll<HTMLElement>("[data-freshen][id]")];
  if (!parts.length) return;
  try {
    const response = await fetch(location.pathname, { credentials: "same-origin", headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh) part.replaceWith(fresh);
    }
  } catch {
    // No line: the next visit of the page shows it.
  }
}

function stateWord(item: Item): HTMLElement {
  const percent = item.picked.file.size ? Math.floor((item.sentBytes / item.picked.file.size) * 100) : 0;
  const word = (colour: string, iconName: string, words: string): HTMLElement =>
    el("span", { class: `state small ${colour}` }, icon(iconName, true), words);
  switch (item.state) {
    case "verified":
      return word("done", "circle-check", t("Verified"));
    case "refused":
      return word("critical", "circle-alert", t("Refused"));
    case "stopped":
      return word("critical", "circle-alert", t("Not sent"));
    case "offline":
      return word("warning", "clock", t("Waiting for the line"));
    case "checking":
      return word("information", "clock", t("Being checked"));
    case "sending":
      return word("information", "upload", `${percent}\u00a0%`);
    default:
      return word("muted", "clock", t("Waiting"));
  }
}
