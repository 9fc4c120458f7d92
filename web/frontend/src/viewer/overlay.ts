/** What is written over a film: corners, the patient's sides, and the label that says what is still missing. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Corners } from "./corners";
import type { Edges } from "./orientation";

const SIDES = ["top", "right", "bottom", "left"] as const;

export class Overlay {
  readonly elements: HTMLElement[];
  private readonly badge = el("span", { class: "when" });
  private readonly nw = el("p", { class: "corner nw" });
  private readonly ne = el("p", { class: "corner ne num" });
  private readonly sw = el("p", { class: "corner sw num" });
  private readonly se = el("p", { class: "corner se" });
  private readonly side = SIDES.map((name) => el("p", { class: `edge at-${name}`, "aria-hidden": "true" }));
  private readonly label = el("div", { class: "quality", role: "status", hidden: true });

  constructor() {
    this.elements = [this.nw, this.ne, this.sw, this.se, ...this.side, this.label];
  }

  corners(words: Corners, marks: { full: boolean; star: boolean }): void {
    this.badge.textContent = words.badge;
    this.badge.classList.toggle("then", words.prior);
    lines(this.nw, [this.badge, ...words.nw]);
    lines(this.ne, words.ne);
    lines(this.sw, words.sw);
    this.se.classList.toggle("ok", marks.full);
    lines(this.se, [marks.star && `★ ${t("Key image")}`, marks.full && `${t("Original image")} ✓`]);
  }

  edges(words: Edges | null): void {
    SIDES.forEach((name, at) => {
      const side = this.side[at];
      if (side) side.textContent = words?.[name] ?? "";
    });
  }

  /** Only the preview is here: say how far the originals are. */
  waiting(arrived: number, total: number): void {
    const words =
      total > 1
        ? t("{n} of {total} have arrived; measuring waits for the original", { n: arrived, total })
        : t("Measuring waits for the original");
    if (!this.label.querySelector("progress")) {
      const bar = el("progress", { max: 1, value: 0, "aria-label": t("Arrival of the originals") });
      this.write(words, bar);
    }
    const [small, bar] = [this.label.querySelector("small"), this.label.querySelector("progress")];
    if (small && small.textContent !== words) small.textContent = words;
    if (bar) {
      bar.max = Math.max(1, total);
      bar.value = arrived;
    }
  }

  failed(words: string): void {
    this.write(words);
  }

  settled(): void {
    this.label.hidden = true;
    this.label.replaceChildren();
  }

  clear(): void {
    for (const element of this.elements) element.replaceChildren();
  }

  private write(words: string, bar?: HTMLElement): void {
    const head = [icon("triangle-alert"), el("b", {}, t("Preview quality")), el("small", {}, words)];
    this.label.replaceChildren(...head, ...(bar ? [bar] : []));
    this.label.hidden = false;
  }
}

function lines(into: HTMLElement, parts: (string | Node | false)[]): void {
  const nodes: (string | Node)[] = [];
  for (const part of parts) {
    if (!part) continue;
    if (nodes.length) nodes.push(document.createElement("br"));
    nodes.push(part);
  }
  into.replaceChildren(...nodes);
}
