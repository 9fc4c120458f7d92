/**
 * Text of a form that does not save itself, kept in this tab until the server has taken it: a reload, the back button
 * or a line that breaks loses nothing. Secrets, files and tokens are never kept.
 */

import { el, icon } from "../dom";
import { t } from "../i18n";
import { fieldsOf, putBack, same, type Fields } from "./fields";

const PREFIX = "unsent:";
const MOST_ROWS = 200;

interface Unsent {
  fields: Fields;
  /** The key it went out with: sent again unchanged, the server knows it. */
  key: string;
  /** It went out; whether it arrived is not known yet. */
  sent: boolean;
}

function read(place: string): Unsent | null {
  try {
    const held = JSON.parse(sessionStorage.getItem(place) ?? "null") as Unsent | null;
    return held && typeof held.fields === "object" ? held : null;
  } catch {
    return null;
  }
}

function write(place: string, unsent: Unsent): void {
  try {
    sessionStorage.setItem(place, JSON.stringify(unsent));
  } catch {
    // Full or forbidden: the form still works, it only forgets.
  }
}

/** Whether the server refused what was sent: only then does a sent form answer with a page of its own. */
function isRefusal(): boolean {
  return document.documentElement.dataset.answer === "post";
}

/**
 * A page has come. What went out before it has arrived, unless the page is its refusal, an old one came back, or
 * one must log in again: then it waits for its person. Whoever logs out, or in after somebody else, finds nothing.
 */
export function settle(): void {
  const { user } = document.documentElement.dataset;
  const came = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  const isOld = came?.type === "back_forward" || came?.type === "reload";
  const again = !user && new URLSearchParams(location.search).has("next");
  for (const place of Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX))) {
    const held = read(place);
    if (again) {
      if (held?.sent) write(place, { ...held, sent: false });
    } else if (!held || !user || !place.startsWith(`${PREFIX}${user}:`)) sessionStorage.removeItem(place);
    else if (held.sent && !isOld && !isRefusal()) sessionStorage.removeItem(place);
  }
}

/** Keeps one form's text. Returns what to call when it goes out. */
export function remember(form: HTMLFormElement, key: HTMLInputElement): () => void {
  const user = document.documentElement.dataset.user ?? "";
  const place = `${PREFIX}${user}:${location.pathname}:${new URL(form.action).pathname}`;
  const visible = "textarea, input:not([type=hidden], [type=password], [type=file])";
  if (!user || !form.querySelector(visible)) return () => undefined;
  const held = read(place);
  if (held && isRefusal()) {
    if (held.sent) write(place, { fields: fieldsOf(form), key: key.value, sent: false });
  } else if (held && !same(held.fields, fieldsOf(form))) restore(form, key, held);
  else sessionStorage.removeItem(place);
  form.addEventListener("input", () => write(place, { fields: fieldsOf(form), key: key.value, sent: false }));
  return () => write(place, { fields: fieldsOf(form), key: key.value, sent: true });
}

function restore(form: HTMLFormElement, key: HTMLInputElement, held: Unsent): void {
  const put = (): void => {
    putBack(form, held.fields);
    if (held.sent) key.value = held.key;
  };
  const grow = (): void => {
    const lacks = (): boolean =>
      Object.entries(held.fields).some(([name, value]) => value !== "" && !(name in fieldsOf(form)));
    const add = form.querySelector<HTMLElement>("[data-add]:not([hidden])");
    for (let tries = 0; add && lacks() && tries < MOST_ROWS; tries += 1) add.click();
    put();
  };
  // Rows that were added need the table's own script, which may start later.
  grow();
  form.addEventListener("rows:ready", grow, { once: true });
  if (form.classList.contains("reason")) form.classList.add("open");
  const words = el("p", { class: "notice information", role: "status" });
  words.append(icon("rotate-ccw", true), t("Your unsent text was put back."));
  form.prepend(words);
}
