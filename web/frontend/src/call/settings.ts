/** The sheet of the call: devices, and how much to receive. */

import { el, icon } from "../dom";
import { t } from "../i18n";
import type { Call } from "./call";
import { DeviceFields } from "./fields";
import { rungs } from "./ladder";

export class Settings {
  readonly dialog = el("dialog", { class: "call-dialog", "aria-labelledby": "call-settings" });
  private readonly fields: DeviceFields;
  private readonly radios: HTMLInputElement[] = [];
  private readonly numbers = el("p", { class: "soft num" });

  constructor(
    private readonly call: Call,
    speakerChanged: (id: string) => void,
  ) {
    this.fields = new DeviceFields(call, speakerChanged);
    const close = el(
      "button",
      { type: "button", class: "plain", onclick: () => this.dialog.close() },
      icon("x"),
      t("Close"),
    );
    const ladder = el("fieldset", { class: "rungs" }, el("legend", {}, t("What you receive")));
    for (const { choice, label } of rungs()) {
      const radio = el("input", { type: "radio", name: "call-rung", value: choice, onchange: () => call.pick(choice) });
      this.radios.push(radio);
      ladder.append(el("label", {}, radio, label));
    }
    this.dialog.append(
      el("header", {}, el("h2", { id: "call-settings" }, t("Devices and line")), close),
      this.fields.element,
      ladder,
      this.numbers,
    );
    this.dialog.addEventListener("close", () => this.fields.stop());
  }

  open(): void {
    this.dialog.showModal();
    this.update();
  }

  update(): void {
    if (!this.dialog.open) return;
    this.fields.update();
    for (const radio of this.radios) radio.checked = radio.value === this.call.choice;
    const { up, down } = this.call.gauge.rate;
    this.numbers.textContent = t("Sending {up} kbit/s, receiving {down} kbit/s", { up, down });
  }
}
