/** Show or hide a password field. */

import { t } from "../i18n";

export function mount(button: HTMLElement): void {
  const field = document.getElementById(button.dataset.for ?? "");
  if (!(field instanceof HTMLInputElement)) return;
  button.hidden = false;
  const write = (): void => {
    const shown = field.type === "text";
    button.textContent = shown ? t("Hide") : t("Show");
    button.setAttribute("aria-pressed", String(shown));
  };
  button.addEventListener("click", () => {
    field.type = field.type === "password" ? "text" : "password";
    write();
    field.focus();
  });
  // The browser must remember it as a password.
  field.form?.addEventListener("submit", () => (field.type = "password"));
  write();
}
