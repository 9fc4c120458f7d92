/** Help while writing an opinion: phrases after /, lab values after @, and the strip of key images. */

import { el, jsonBlock } from "../dom";
import { sendJson } from "../http";
import { t } from "../i18n";
import { matching, replaced, triggerAt, type Trigger } from "./trigger";

interface Phrase {
  title: string;
  text: string;
}

interface Choice {
  title: string;
  detail: string;
  text: string;
}

interface Lab {
  name: string;
  value: string;
  unit?: string;
  flag?: string;
  range?: string;
  date?: string;
}

export function labText(lab: Lab): string {
  const value = [lab.value, lab.unit].filter(Boolean).join("\u00a0");
  const flag = lab.flag ? ` ${lab.flag}` : "";
  const more = [lab.range, lab.date].filter(Boolean).join("，");
  return `${lab.name} ${value}${flag}${more ? `（${more}）` : ""}`;
}

export function mount(form: HTMLElement): void {
  const phrases = (jsonBlock(form.dataset.phrases) ?? []) as Phrase[];
  const labs = (jsonBlock(form.dataset.labs) ?? []) as Lab[];
  const choices: Record<"/" | "@", Choice[]> = {
    "/": phrases.map((phrase) => ({ title: phrase.title, detail: phrase.text, text: phrase.text })),
    "@": labs.map((lab) => ({ title: lab.name, detail: labText(lab).slice(lab.name.length + 1), text: labText(lab) })),
  };
  form.querySelectorAll("textarea").forEach((area, at) => new Helper(area, choices, `choices-${at}`));
  const strip = form.querySelector<HTMLElement>("[data-key-image-strip]");
  const url = form.dataset.keyImages;
  if (strip && url) document.addEventListener("keyimage:added", () => void refresh(strip, url));
}

/** The list under a textarea: one for both signs. */
class Helper {
  private readonly list: HTMLUListElement;
  private trigger: Trigger | null = null;
  private shown: Choice[] = [];
  private at = 0;

  constructor(
    private readonly area: HTMLTextAreaElement,
    private readonly choices: Record<"/" | "@", Choice[]>,
    id: string,
  ) {
    this.list = el("ul", {
      class: "panel lines phrases",
      role: "listbox",
      id,
      "aria-label": t("Phrases and values"),
      hidden: true,
    });
    area.insertAdjacentElement("afterend", this.list);
    area.setAttribute("aria-controls", id);
    area.setAttribute("aria-autocomplete", "list");
    area.addEventListener("input", () => this.look());
    area.addEventListener("click", () => this.look());
    area.addEventListener("keydown", (event) => this.onKey(event));
    area.addEventListener("blur", () => this.close());
    // The press must not take the focus from the text before it is handled.
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = (event.target as Element).closest("li");
      if (option) this.take([...this.list.children].indexOf(option));
    });
  }

  private look(): void {
    this.trigger = triggerAt(this.area.value, this.area.selectionStart);
    this.shown = this.trigger
      ? matching(this.choices[this.trigger.kind], this.trigger.query, (choice) => `${choice.title} ${choice.detail}`)
      : [];
    this.at = 0;
    this.write();
  }

  private write(): void {
    this.list.hidden = this.shown.length === 0;
    this.list.replaceChildren(
      ...this.shown.map((choice, at) =>
        el(
          "li",
          { role: "option", id: `${this.list.id}-${at}`, "aria-selected": at === this.at ? "true" : "false" },
          el("b", {}, choice.title),
          ` ${choice.detail}`,
        ),
      ),
    );
    if (this.shown.length) this.area.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`);
    else this.area.removeAttribute("aria-activedescendant");
  }

  private onKey(event: KeyboardEvent): void {
    if (!this.shown.length || event.isComposing) return;
    if (event.key === "ArrowDown") this.at = (this.at + 1) % this.shown.length;
    else if (event.key === "ArrowUp") this.at = (this.at + this.shown.length - 1) % this.shown.length;
    else if (event.key === "Enter" || event.key === "Tab") this.take(this.at);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    this.write();
  }

  private take(at: number): void {
    const choice = this.shown[at];
    if (!choice || !this.trigger) return;
    const { text, caret } = replaced(this.area.value, this.trigger, this.area.selectionStart, choice.text);
    this.area.value = text;
    this.area.setSelectionRange(caret, caret);
    this.close();
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  private close(): void {
    this.trigger = null;
    this.shown = [];
    this.write();
  }
}

interface KeyImageItem {
  thumbnail_url?: string;
  note?: string;
}

async function refresh(strip: HTMLElement, url: string): Promise<void> {
  try {
    const answer = await sendJson("GET", url);
    const items = (Array.isArray(answer.items) ? answer.items : []) as KeyImageItem[];
    strip.replaceChildren(
      ...items.map((item, at) =>
        el(
          strip.matches("ul, ol") ? "li" : "div",
          { class: "film" },
          el("img", { src: item.thumbnail_url, alt: item.note || t("Key image {n}", { n: at + 1 }) }),
          el("span", { class: "caption" }, item.note || t("Key image {n}", { n: at + 1 })),
        ),
      ),
    );
  } catch {
    // The strip is true again after the next load of the page.
  }
}
