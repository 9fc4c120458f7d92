/** The list of series: what belongs to now and what to then, with thumbnails. On phones it is a sheet. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Archive } from "./dicomweb";
import { mayHavePictures, type Series, type Study } from "./films";

export class Strip {
  readonly element: HTMLElement;
  private readonly thumbs = new Map<string, HTMLButtonElement>();

  constructor(archive: Archive, studies: Study[], open: (series: Series) => void) {
    const close = el(
      "button",
      { type: "button", class: "sheet-close", "aria-label": t("Close"), onclick: () => this.toggle(false) },
      icon("x"),
    );
    this.element = el("nav", { class: "strip", "aria-label": t("Series") }, close);
    for (const study of studies) this.element.append(this.section(archive, study, open));
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.toggle(false);
    });
  }

  private section(archive: Archive, study: Study, open: (series: Series) => void): HTMLElement {
    const items = study.series.map((series) => {
      const picture = thumbnail(archive, series);
      const title = series.description || `${series.modality} ${series.number || ""}`.trim() || t("Series");
      const button = el(
        "button",
        {
          type: "button",
          class: "thumb",
          "aria-pressed": "false",
          title,
          onclick: () => {
            this.toggle(false);
            open(series);
          },
        },
        picture,
        el(
          "span",
          {},
          el("b", {}, title),
          el("small", {}, `${series.modality} · ${t("Images: {n}", { n: series.count })}`),
        ),
      );
      this.thumbs.set(series.uid, button);
      return el("li", {}, button);
    });
    return el(
      "section",
      {},
      el(
        "h2",
        {},
        el("b", { class: study.prior ? "then-word" : null }, study.prior ? t("Prior") : t("Current")),
        ` ${study.date} ${study.description}`,
      ),
      el("ul", {}, ...items),
    );
  }

  /** Mark what is open: pressed in the active pane, outlined in another. */
  sync(active: string | undefined, others: readonly string[]): void {
    for (const [uid, button] of this.thumbs) {
      button.setAttribute("aria-pressed", String(uid === active));
      button.classList.toggle("elsewhere", uid !== active && others.includes(uid));
    }
  }

  toggle(open?: boolean): void {
    this.element.classList.toggle("open", open);
    if (this.element.classList.contains("open")) this.element.querySelector<HTMLElement>("button.thumb")?.focus();
  }
}

function thumbnail(archive: Archive, series: Series): Element {
  if (!mayHavePictures(series)) return icon("file-text");
  const picture = el("img", { alt: "", src: archive.thumbnail(series), width: 70, height: 70, loading: "lazy" });
  picture.addEventListener("error", () => picture.replaceWith(icon("file-text")));
  return picture;
}
