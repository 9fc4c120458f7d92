/** The list of what a reader can do: one place for the word, the icon, the key and the deed. */

import { el, icon } from "../dom";

export interface Command {
  id: string;
  label: string;
  icon: string;
  /** `KeyboardEvent.key`, letters in lower case. */
  key?: string;
  keyText?: string;
  run(): void;
  pressed?(): boolean;
  /** Why it cannot be done now, in words; empty when it can. */
  blocked?(): string;
}

export class Commands {
  private readonly all = new Map<string, Command>();
  private readonly buttons: { command: Command; button: HTMLButtonElement }[] = [];

  add(...commands: Command[]): void {
    for (const command of commands) this.all.set(command.id, command);
  }

  list(): Command[] {
    return [...this.all.values()];
  }

  /** Do what is on this key; false when nothing is. */
  press(key: string): boolean {
    const command = this.list().find((each) => each.key === key);
    if (!command) return false;
    if (!command.blocked?.()) command.run();
    return true;
  }

  /** A button for a command; it stays in step by `sync`. */
  button(id: string, options: { label?: string; iconOnly?: boolean; class?: string } = {}): HTMLButtonElement {
    const command = this.all.get(id);
    if (!command) throw new Error(`No command ${id}`);
    const words = options.label ?? command.label;
    const title = command.key ? `${command.label} (${command.keyText ?? command.key.toUpperCase()})` : command.label;
    const button = el(
      "button",
      {
        type: "button",
        title,
        class: options.class ?? null,
        "aria-label": options.iconOnly ? command.label : null,
        "data-command": id,
        onclick: () => {
          if (!command.blocked?.()) command.run();
          this.sync();
        },
      },
      icon(command.icon),
      options.iconOnly ? null : words,
    );
    this.buttons.push({ command, button });
    return button;
  }

  sync(): void {
    for (const { command, button } of this.buttons) {
      if (command.pressed) button.setAttribute("aria-pressed", String(command.pressed()));
      const why = command.blocked?.() ?? "";
      if (why) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    }
  }
}

let menus = 0;

/** A button that opens a small menu in the top layer: nothing is cut off, Esc and a press outside close it. */
export function menu(label: string, iconName: string, items: HTMLElement[], className = ""): HTMLElement[] {
  menus += 1;
  const list = el(
    "div",
    { class: "menu-list", popover: "auto", id: `viewer-menu-${menus}`, role: "group", "aria-label": label },
    ...items,
  );
  const button = el(
    "button",
    { type: "button", "aria-expanded": "false", "aria-controls": list.id, class: className || null },
    icon(iconName),
    label,
  );
  button.addEventListener("click", () => list.togglePopover());
  list.addEventListener("beforetoggle", (event) => {
    const opening = event.newState === "open";
    button.setAttribute("aria-expanded", String(opening));
    if (!opening) return;
    const at = button.getBoundingClientRect();
    const below = at.top < innerHeight / 2;
    list.style.top = below ? `${at.bottom + 4}px` : "auto";
    list.style.bottom = below ? "auto" : `${innerHeight - at.top + 4}px`;
    list.style.left = `${Math.max(8, Math.min(at.left, innerWidth - 240))}px`;
  });
  list.addEventListener("click", (event) => {
    if ((event.target as Element).closest("button")) list.hidePopover();
  });
  return [button, list];
}
