/** What the browser says of the world outside: another network, a page that is looked at again. Must not know the call. */

export class Outside {
  private readonly onLine = (): void => this.lineChanged();
  private readonly onVisible = (): void => {
    if (document.visibilityState === "visible") this.awake();
  };

  constructor(
    private readonly lineChanged: () => void,
    private readonly awake: () => void,
  ) {}

  watch(): void {
    addEventListener("online", this.onLine);
    document.addEventListener("visibilitychange", this.onVisible);
    network()?.addEventListener("change", this.onLine);
  }

  stop(): void {
    removeEventListener("online", this.onLine);
    document.removeEventListener("visibilitychange", this.onVisible);
    network()?.removeEventListener("change", this.onLine);
  }
}

/** The Network Information API, where there is one: a phone that goes from Wi-Fi to mobile says so. */
function network(): EventTarget | null {
  return (navigator as { connection?: EventTarget }).connection ?? null;
}
