/** The two dialogs of the reading room: the map of keys, and a line of words to a film. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Command } from "./commands";

const KEYS_OFF = "viewer-keys-off";

/** Single keys can be switched off: voice control and unsteady hands press them by accident (WCAG 2.1.4). */
export function keysAreOn(): boolean {
  try {
    return localStorage.getItem(KEYS_OFF) === null;
  } catch {
    return true;
  }
}

export function keyMap(commands: Command[]): HTMLDialogElement {
  const rows = commands
    .filter((command) => command.key)
    .flatMap((command) => [
      el("dt", {}, el("kbd", {}, command.keyText ?? (command.key ?? "").toUpperCase())),
      el("dd", {}, command.label),
    ]);
  const off = el("input", { type: "checkbox", checked: keysAreOn() });
  off.addEventListener("change", () => {
    try {
      if (off.checked) localStorage.removeItem(KEYS_OFF);
      else localStorage.setItem(KEYS_OFF, "1");
    } catch {
      off.checked = true;
    }
  });
  return el(
    "dialog",
    { class: "keys", "aria-label": t("Keys") },
    el("header", {}, el("h2", {}, t("Keys")), closeButton()),
    el("dl", {}, ...rows),
    el("label", { class: "keys-switch" }, off, t("Single keys work")),
  );
}

function closeButton(): HTMLElement {
  return el("form", { method: "dialog" }, el("button", { "aria-label": t("Close"), formnovalidate: true }, icon("x")));
}

/** Ask for a line of words. Resolves to null when it is left without saving. */
export function askWords(host: HTMLElement, title: string, label: string, save: string): Promise<string | null> {
  const input = el("input", { type: "text", maxlength: 500, id: "viewer-words", autocomplete: "off" });
  const form = el(
    "form",
    { method: "dialog" },
    el("label", { for: "viewer-words" }, label),
    input,
    el(
      "p",
      { class: "dialog-end" },
      el("button", { class: "act", value: "save" }, save),
      el("button", { class: "plain", value: "", type: "button", onclick: () => dialog.close("") }, t("Cancel")),
    ),
  );
  const dialog = el("dialog", { class: "keys words", "aria-label": title }, el("h2", {}, title), form);
  host.append(dialog);
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "save" ? input.value.trim() : null);
    });
  });
}
