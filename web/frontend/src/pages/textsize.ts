/** The switch for larger text. */

import { rememberedTextSize, rememberTextSize } from "../textsize";

export function mount(element: HTMLElement): void {
  const buttons = [...element.querySelectorAll<HTMLButtonElement>("button[data-size]")];
  const write = (sizePx: number | null): void => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(Number(button.dataset.size) === sizePx));
  };
  for (const button of buttons)
    button.addEventListener("click", () => {
      const sizePx = Number(button.dataset.size);
      rememberTextSize(sizePx);
      write(sizePx);
    });
  element.hidden = false;
  write(rememberedTextSize() ?? Math.round(parseFloat(getComputedStyle(document.documentElement).fontSize)));
}
