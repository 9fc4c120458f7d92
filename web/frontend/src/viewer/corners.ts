/** The words in a film's corners. They come from the film itself, so a mix-up of patients would be seen. */

import { t } from "../i18n";
import { age, dateText, number, personName, text, timeText, type Film, type Series } from "./films";
import { shown } from "./windows";

/** An en space: wider than between words, and not folded away. */
const GAP = "\u2002";

export interface Corners {
  badge: string;
  prior: boolean;
  nw: string[];
  ne: string[];
  sw: string[];
}

function sexText(sex: string): string {
  if (sex === "M") return t("Male");
  if (sex === "F") return t("Female");
  return "";
}

function ageText(film: Film): string {
  const found = age(film.meta);
  if (!found) return "";
  const { value, unit } = found;
  if (unit === "Y") return t("{n} years", { n: value });
  if (unit === "M") return t("{n} months", { n: value });
  if (unit === "W") return t("{n} weeks", { n: value });
  return t("{n} days", { n: value });
}

/** @param window Centre and width as shown now, or null for colour. */
export function corners(
  film: Film,
  series: Series,
  at: number,
  count: number,
  window: { center: number; width: number } | null,
): Corners {
  const { meta } = film;
  const present = (lines: string[]): string[] => lines.filter(Boolean);
  const thickness = number(meta, "00180050");
  const date = dateText(text(meta, "00080022") || text(meta, "00080020")) || series.study.date;
  const time = timeText(text(meta, "00080032") || text(meta, "00080030"));
  return {
    badge: [series.study.prior ? t("Prior") : t("Current"), series.study.date].filter(Boolean).join(GAP),
    prior: series.study.prior,
    nw: present([
      [series.modality, text(meta, "0008103E") || series.description].filter(Boolean).join(" "),
      text(meta, "00080080"),
    ]),
    ne: present([
      [personName(meta), sexText(text(meta, "00100040")), ageText(film)].filter(Boolean).join(GAP),
      [date, time].filter(Boolean).join(" "),
    ]),
    sw: present([
      [
        t("Image {n} / {total}", { n: at + 1, total: count }),
        thickness ? t("Slice {mm} mm", { mm: thickness.toFixed(1) }) : "",
      ]
        .filter(Boolean)
        .join(GAP),
      window ? t("W {width} L {center}", { width: shown(window.width), center: shown(window.center) }) : "",
    ]),
  };
}
