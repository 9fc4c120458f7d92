/** The card that says what keeps camera or microphone away, what still works, and how to mend it. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";
import { browserOf, codeOf, headline, steps, stillWorks, type Need, type Trouble } from "./trouble";

export function helpCard(problem: { trouble: Trouble; need: Need }, again: () => void): HTMLElement {
  const { trouble, need } = problem;
  const sign = need === "microphone" ? "mic-off" : "camera-off";
  const list = steps(trouble, browserOf(navigator.userAgent));
  return el(
    "div",
    { class: "call-help", role: "alert", "data-trouble": trouble, "data-need": need },
    el("h2", {}, icon(sign), headline(trouble, need)),
    el("p", {}, stillWorks(need)),
    trouble === "denied" && addressBar(),
    el("ol", { class: "steps" }, ...list.map((step) => el("li", {}, step))),
    el(
      "button",
      { type: "button", class: "second", "data-again": true, onclick: again },
      icon("refresh-cw"),
      t("Try again"),
    ),
    el("p", { class: "soft" }, t("Code for the IT department: {code}", { code: codeOf(trouble, need) })),
  );
}

function addressBar(): HTMLElement {
  return el(
    "p",
    { class: "shown", "aria-hidden": "true" },
    icon("settings-2"),
    el("span", {}, location.host || t("The address of this page")),
  );
}

export function problemOf(call: Call): { trouble: Trouble; need: Need } | null {
  return call.devices.problem(call.wants);
}
