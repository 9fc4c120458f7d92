/** Whether a film can be this patient's: sex and date of birth on the film against the case's. Names are not compared: pinyin and Chinese differ. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import { dateText, personName, text, type DicomJson } from "./films";

/** Whom the case is about, as the page says it. */
export interface Subject {
  sex: string; // "male", "female", or anything else for not known
  born: string; // YYYY-MM-DD or ""
}

export type Difference = "sex" | "birth date";

/** What differs between film and case; only what both of them say. */
export function differences(meta: DicomJson, subject: Subject): Difference[] {
  const sex = { M: "male", F: "female" }[text(meta, "00100040")];
  const born = dateText(text(meta, "00100030"));
  const found: Difference[] = [];
  if (sex && ["male", "female"].includes(subject.sex) && sex !== subject.sex) found.push("sex");
  if (born && subject.born && born !== subject.born) found.push("birth date");
  return found;
}

/** The warning in words, or "" where nothing speaks against the film. */
export function warning(meta: DicomJson, subject: Subject): string {
  const found = differences(meta, subject);
  if (!found.length) return "";
  const name = personName(meta) || t("no name");
  if (found.length === 2)
    return t("Sex and date of birth on this film ({name}) are not those of the patient.", { name });
  return found[0] === "sex"
    ? t("The sex on this film ({name}) is not that of the patient.", { name })
    : t("The date of birth on this film ({name}) is not that of the patient.", { name });
}

/** Put the warning on a pane, change it, or take it away. */
export function mark(pane: HTMLElement, words: string): void {
  const there = pane.querySelector(":scope > .mixup");
  if (!words) return there?.remove();
  if (there?.textContent === words) return;
  there?.remove();
  pane.append(el("p", { class: "mixup", role: "alert" }, icon("triangle-alert", true), words));
}
