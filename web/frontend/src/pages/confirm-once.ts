/** A form goes out once, however often the button is pressed; the key lets the server recognise a repetition. */

import { el } from "../dom";
import { newKey } from "../http";
import { remember } from "./unsent";

export function mount(element: HTMLElement): void {
  if (!(element instanceof HTMLFormElement)) return;
  const form = element;
  const found = form.elements.namedItem("idempotency_key");
  const key = found instanceof HTMLInputElement ? found : el("input", { type: "hidden", name: "idempotency_key" });
  if (!key.isConnected) form.append(key);
  key.value ||= newKey();

  let sent = false;
  form.addEventListener("input", () => {
    // What was refused and is changed now is a new request.
    if (!sent) key.value = newKey();
  });
  const savesItself = (form.dataset.module ?? "").split(/\s+/).includes("autosave");
  const goesOut = savesItself ? undefined : remember(form, key);

  const buttons = (): HTMLButtonElement[] =>
    [...form.elements].filter(
      (control): control is HTMLButtonElement => control instanceof HTMLButtonElement && control.type === "submit",
    );
  // On the window: after every script of the form had its say whether it goes out at all.
  addEventListener("submit", (event) => {
    if (event.target !== form || event.defaultPrevented) return;
    if (sent) {
      event.preventDefault();
      return;
    }
    sent = true;
    goesOut?.();
    // aria-disabled, not disabled: a disabled button's name and value would not be sent.
    for (const button of buttons()) button.setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => {
    sent = false;
    for (const button of buttons()) button.removeAttribute("aria-disabled");
  });
}
