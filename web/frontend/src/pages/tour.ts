/** A short tour at the first log-in: a few steps, each beside the thing it speaks of; leaving it is remembered. */

import "./tour.css";
import { el } from "../dom";
import { sendJson } from "../http";
import { t } from "../i18n";

export function mount(element: HTMLElement): void {
  const template = element.querySelector("template");
  const steps = [...(template?.content.querySelectorAll<HTMLElement>("section") ?? [])];
  if (!steps.length) return;
  new Tour(steps, element.dataset.url).show();
}

class Tour {
  private at = 0;
  private target: Element | null = null;
  private readonly words = el("div");
  private readonly count = el("span", { class: "small muted" });
  private readonly back: HTMLButtonElement;
  private readonly next: HTMLButtonElement;
  private readonly dialog: HTMLDialogElement;

  constructor(
    private readonly steps: HTMLElement[],
    private readonly url: string | undefined,
  ) {
    this.back = el("button", { type: "button", class: "button", onclick: () => this.go(-1) }, t("Back"));
    this.next = el("button", { type: "button", class: "button second", onclick: () => this.go(1) });
    this.dialog = el(
      "dialog",
      { class: "tour", "aria-label": t("A short tour") },
      this.words,
      el(
        "div",
        { class: "row near" },
        this.next,
        this.back,
        el("button", { type: "button", class: "button plain", onclick: () => this.end() }, t("Skip")),
        this.count,
      ),
    );
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.end();
    });
  }

  show(): void {
    document.body.append(this.dialog);
    // Not modal: the page it speaks of stays usable.
    this.dialog.show();
    this.write();
  }

  private go(by: number): void {
    this.at += by;
    if (this.at >= this.steps.length) this.end();
    else this.write();
  }

  private write(): void {
    const step = this.steps[this.at];
    if (!step) return;
    this.words.replaceChildren(...[...step.cloneNode(true).childNodes]);
    this.count.textContent = t("{n} of {total}", { n: this.at + 1, total: this.steps.length });
    this.next.textContent = this.at === this.steps.length - 1 ? t("Done") : t("Next");
    this.back.hidden = this.at === 0;
    this.target?.classList.remove("tour-target");
    this.target = step.dataset.for ? document.querySelector(step.dataset.for) : null;
    this.target?.classList.add("tour-target");
    this.target?.scrollIntoView({ block: "nearest" });
  }

  private end(): void {
    this.target?.classList.remove("tour-target");
    this.dialog.remove();
    if (this.url) sendJson("POST", this.url, {}).catch(() => undefined); // It is shown once more: no harm.
  }
}
