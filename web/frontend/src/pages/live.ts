/** Says that something new has come, without touching what the person is doing. */

const MOST_FAILURES = 3;

interface News {
  topic?: string;
  text?: string;
}

export function mount(element: HTMLElement): void {
  const { url, topic } = element.dataset;
  if (!url || !("EventSource" in window)) return;
  const source = new EventSource(url);
  let failures = 0;
  source.addEventListener("open", () => (failures = 0));
  source.addEventListener("error", () => {
    failures += 1;
    if (failures >= MOST_FAILURES) source.close();
  });
  source.addEventListener("message", (event: MessageEvent<string>) => {
    const news = read(event.data);
    if (topic && news.topic !== topic) return;
    const notice = element.querySelector<HTMLElement>("[data-live-notice]") ?? element;
    const words = notice.querySelector("[data-live-text]");
    if (words && news.text) words.textContent = news.text;
    notice.setAttribute("role", "status");
    notice.hidden = false;
  });
  addEventListener("pagehide", () => source.close());
}

function read(data: string): News {
  try {
    return JSON.parse(data) as News;
  } catch {
    return {};
  }
}
