/** Keeps "time left" true while the page stays open. */

import { shareLeft, timeLeftText } from "./timeleft";

const EVERY_MS = 30_000;

export function mount(element: HTMLElement): void {
  const due = Date.parse(element.dataset.due ?? "");
  const start = Date.parse(element.dataset.start ?? "");
  if (!Number.isFinite(due)) return;
  const words = element.querySelector("[data-countdown-text]") ?? element;
  const pie = element.querySelector(".pie circle");
  const write = (): void => {
    const now = Date.now();
    const text = timeLeftText(due - now);
    if (words.textContent !== text) words.textContent = text;
    if (pie && Number.isFinite(start)) pie.setAttribute("stroke-dasharray", `${shareLeft(now, start, due)} 100`);
    element.classList.toggle("critical", now > due);
  };
  write();
  setInterval(write, EVERY_MS);
}
