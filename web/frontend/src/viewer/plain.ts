/** What is no picture gets a plain card: what it is, when, and a way to open or keep it. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Archive } from "./dicomweb";
import { inOrder, kindOf, text, type DicomJson, type Kind, type Series } from "./films";

function kindText(kind: Kind): string {
  switch (kind) {
    case "report":
      return t("Structured report");
    case "document":
      return t("Document");
    case "waveform":
      return t("Electrocardiogram or other curve");
    case "key-object":
      return t("List of key images");
    case "presentation":
      return t("Saved display settings");
    case "segmentation":
      return t("Segmentation or plan");
    case "video":
      return t("Video");
    default:
      return t("Not a picture");
  }
}

export function plainCard(archive: Archive, series: Series, metadata: DicomJson[]): HTMLElement {
  const items = inOrder(metadata)
    .slice(0, 20)
    .map((meta) => {
      const kind = kindOf(meta);
      const address = archive.instance(meta);
      const title = text(meta, "00420010") || text(meta, "0008103E") || series.description;
      return el(
        "li",
        {},
        icon("file-text"),
        el("div", {}, el("b", {}, kindText(kind)), title ? el("p", {}, title) : null),
        kind === "document" || kind === "waveform"
          ? el("a", { class: "link plain", href: `${address}/rendered`, target: "_blank", rel: "noopener" }, t("Open"))
          : null,
        el("a", { class: "link plain", href: address, download: true }, t("Download")),
      );
    });
  return el(
    "div",
    { class: "plain-card" },
    el("p", {}, metadata.length ? t("This series holds no pictures to measure on.") : t("This series is empty.")),
    el("ul", {}, ...items),
  );
}
