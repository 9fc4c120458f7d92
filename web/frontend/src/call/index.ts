/**
 * The call's page: before, in and after it. Before the call only little is loaded; the call itself comes while the person looks
 * at their own picture. A reload goes straight back in; on other pages of the consult the call goes on as a tile.
 */

import { announce, el, icon } from "../dom";
import { t } from "../i18n";
import { Call, type Phase } from "./call";
import { recall } from "./choices";
import { canCall, hasCamera } from "./devices";
import { helpCard, problemOf } from "./help";
import type { InCall, Place } from "./incall";
import { Prejoin } from "./prejoin";

const AFTER: readonly Phase[] = ["ended", "removed", "replaced", "declined", "left", "refused"];

export function mount(host: HTMLElement): void {
  if (host.dataset.mode === "probe") {
    probe(host);
    return;
  }
  const { ticket = "", call: name = "" } = host.dataset;
  if (!ticket || !name) return;
  const place: Place = {
    host,
    patient: host.dataset.audience === "patient",
    tile: host.dataset.mode === "tile",
    messages: host.dataset.messages,
    events: host.dataset.events,
    topic: host.dataset.topic,
    films: host.dataset.films,
    page: host.dataset.page,
    back: host.dataset.back,
    zone: host.dataset.zone,
  };
  // Inside the call's own frame of films there is a call already.
  if (place.tile && (window.top !== window.self || !recall(name).joined)) return;
  new CallPage(host, name, ticket, place).begin();
}

/** Behind a patient's link: does this browser have calls at all? Built-in ones of some apps do not; then the way out is shown. */
function probe(host: HTMLElement): void {
  listenToCopy(host, host.dataset.link);
  if (!canCall() || (isSecureContext && !hasCamera())) showScreen(host, "unsupported");
}

class CallPage {
  private call: Call;
  private prejoin: Prejoin | null = null;
  private shown: InCall | null = null;
  private opening = false;
  private after: HTMLElement | null = null;
  private readonly ready: HTMLElement | null;

  constructor(
    private readonly host: HTMLElement,
    private readonly name: string,
    private readonly ticket: string,
    private readonly place: Place,
  ) {
    this.ready = host.querySelector("[data-call-ready]");
    this.call = this.make();
  }

  begin(): void {
    if (!canCall()) {
      this.show("unsupported");
      return;
    }
    this.listen();
    const kept = recall(this.name);
    if (kept.joined) {
      void this.enter({ audio: kept.audio, video: kept.video });
      return;
    }
    this.before();
  }

  // ---------------------------------------------------------------- before
  private before(): void {
    this.host.dataset.callPhase = "before";
    this.ready?.removeAttribute("hidden");
    const self = this.host.querySelector<HTMLElement>("[data-call-self]");
    if (self) {
      this.prejoin = new Prejoin(self, this.call);
      this.prejoin.update();
      void this.call.devices.open(this.call.wants).then(() => this.changed());
    }
    // While the person looks at themselves: then the tap has nothing to wait for.
    setTimeout(() => void load(), 1_500);
  }

  private listen(): void {
    const on = (name: string, act: () => void): void => {
      for (const button of this.host.querySelectorAll<HTMLElement>(`[data-call-${name}]`)) {
        button.hidden = false;
        button.addEventListener("click", (event) => {
          event.preventDefault();
          act();
        });
      }
    };
    on("join", () => void this.enter(this.call.wants));
    on("voice", () => void this.enter({ audio: true, video: false }));
    on("silent", () => void this.enter({ audio: false, video: false }));
    listenToCopy(this.host);
  }

  // ---------------------------------------------------------------- in
  private async enter(wants: { audio: boolean; video: boolean }): Promise<void> {
    if (this.opening) return;
    this.opening = true;
    wakeSound();
    const { call } = this;
    call.wants = { ...wants };
    this.busy(true);
    if (!wants.video) call.devices.close("video");
    await Promise.all([load(), call.devices.open(wants)]);
    this.opening = false;
    this.busy(false);
    const problem = problemOf(call);
    if (problem && !this.prejoin && !this.place.tile && this.place.patient && !recall(this.name).joined) {
      this.explain();
      return;
    }
    await this.seat();
  }

  private async seat(): Promise<void> {
    const { InCall } = await load();
    this.prejoin?.stop();
    this.prejoin = null;
    this.after?.remove();
    this.after = null;
    this.show("");
    this.ready?.setAttribute("hidden", "");
    this.shown = new InCall(this.call, this.place);
    document.documentElement.classList.toggle("in-call", !this.place.tile);
    this.call.join();
  }

  /** A patient's phone: the way on fills the page, and joining stays one tap away. */
  private explain(): void {
    const problem = problemOf(this.call);
    const place = this.host.querySelector<HTMLElement>("[data-call-help]");
    if (!problem || !place) {
      void this.seat();
      return;
    }
    this.show("help");
    place.replaceChildren(helpCard(problem, () => void this.enter(this.call.wants)));
    place.querySelector<HTMLElement>("h2")?.setAttribute("tabindex", "-1");
    place.querySelector<HTMLElement>("h2")?.focus();
    const anyway = this.host.querySelector<HTMLElement>("[data-call-anyway]");
    const words = anyway?.querySelector(".word") ?? anyway;
    if (words)
      words.textContent =
        problem.need === "camera"
          ? t("Join with voice only")
          : problem.need === "microphone"
            ? t("Join and listen")
            : t("Join and listen");
    if (anyway) anyway.onclick = () => void this.seat();
  }

  // ---------------------------------------------------------------- after
  private finish(): void {
    const { phase } = this.call;
    this.shown?.stop();
    this.shown = null;
    document.documentElement.classList.remove("in-call");
    announce(this.host, "call:over", { ending: phase });
    if (this.place.tile) return;
    this.after = el("div", { class: "call-after page" }, ...this.afterWords(phase));
    this.host.append(this.after);
    this.after.querySelector<HTMLElement>("h1")?.focus();
  }

  private afterWords(phase: Phase): HTMLElement[] {
    const back = (): HTMLElement =>
      el(
        "button",
        { type: "button", class: "go", "data-call-back": true, onclick: () => this.comeBack() },
        icon("video"),
        again[phase] ?? t("Come back"),
      );
    const again: Partial<Record<Phase, string>> = {
      left: t("Come back"),
      replaced: t("Take the call here"),
      declined: t("Ask again"),
      refused: t("Try again"),
    };
    const title: Partial<Record<Phase, string>> = {
      left: t("You have left the call"),
      ended: t("The call has ended"),
      removed: t("You are no longer in this call"),
      replaced: t("The call has moved to another window"),
      declined: t("The doctor cannot see you just now"),
      refused: t("You could not be let in"),
    };
    const text: Partial<Record<Phase, string>> = {
      left: t("It goes on without you, and you can come back at any time."),
      ended: this.place.patient
        ? t("Thank you for coming. What the doctor writes for you appears on your page.")
        : t("Messages, films and results stand on the consult."),
      removed: t(
        "A person in charge has taken you out, or your part in the consult is over. Nothing you wrote is lost.",
      ),
      replaced: t("It was opened in another tab or on another device. There you are heard and seen; here not."),
      declined: t("Your visit is not lost. Please ask again in a little while, or call us."),
      refused: this.call.detail || t("Please reload the page."),
    };
    const lines: HTMLElement[] = [el("h1", { tabindex: -1 }, title[phase] ?? ""), el("p", {}, text[phase] ?? "")];
    if (phase !== "ended" && phase !== "removed") lines.push(back());
    if (this.place.back)
      lines.push(
        el("a", { class: "second", href: this.place.back }, this.place.patient ? t("To my page") : t("To the consult")),
      );
    return lines;
  }

  private comeBack(): void {
    const wants = { ...this.call.wants };
    this.call = this.make();
    void this.enter(wants);
  }

  // ---------------------------------------------------------------- inside
  private make(): Call {
    const call = new Call(this.name, this.ticket, {
      changed: () => this.changed(call),
      told: (what) => this.shown?.tell(what),
      shared: (topic, body, participant) => this.shown?.shared(topic, body, participant),
    });
    return call;
  }

  private changed(call: Call = this.call): void {
    if (call !== this.call) return;
    this.host.dataset.callPhase = call.phase;
    if (AFTER.includes(call.phase)) {
      if (this.shown) this.finish();
      return;
    }
    this.prejoin?.update();
    this.shown?.update();
  }

  private show(part: string): void {
    showScreen(this.host, part);
  }

  private busy(on: boolean): void {
    for (const button of this.host.querySelectorAll("[data-call-join], [data-call-voice], [data-call-silent]"))
      if (on) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
  }
}

/** Inside the tap: browsers that want a touch before sound take this one. */
function wakeSound(): void {
  try {
    const context = new AudioContext();
    void context.resume().then(() => context.close());
  } catch {
    // No Web Audio: the call asks for a tap when sound is forbidden.
  }
}

function load(): Promise<typeof import("./incall")> {
  return import("./incall");
}

/** Which part of a page with several states is shown; "" hides all of them. */
function showScreen(host: HTMLElement, part: string): void {
  for (const screen of host.querySelectorAll<HTMLElement>("[data-call-screen]"))
    screen.hidden = screen.dataset.callScreen !== part;
  if (part) for (const ready of host.querySelectorAll<HTMLElement>("[data-call-ready]")) ready.hidden = true;
}

/** The button that copies this page's address, or the link that led here. */
function listenToCopy(host: HTMLElement, path?: string): void {
  const address = path ? new URL(path, location.href).href : (recallLink() ?? location.href);
  if (path) rememberLink(address);
  for (const button of host.querySelectorAll("[data-call-copy]"))
    button.addEventListener("click", () => void copy(address, host));
}

async function copy(address: string, host: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(address);
  } catch {
    const field = el("input", { value: address, readonly: true });
    host.append(field);
    field.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- pages over plain HTTP have no clipboard
    document.execCommand("copy");
    field.remove();
  }
  for (const said of host.querySelectorAll<HTMLElement>("[data-call-copied]")) said.hidden = false;
}

const LINK = "call-link";

/** A patient's visit opens in another browser only by the link that led here. */
function rememberLink(address: string): void {
  try {
    sessionStorage.setItem(LINK, address);
  } catch {
    // Then the page's own address is copied.
  }
}

function recallLink(): string | null {
  try {
    return sessionStorage.getItem(LINK);
  } catch {
    return null;
  }
}
