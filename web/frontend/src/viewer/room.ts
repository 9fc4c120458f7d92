/** The reading room: panes, bars, keys, and what happens between them. */

import { annotation } from "@cornerstonejs/tools";
import { announce, el, icon } from "../dom";
import { Refusal } from "../http";
import { t } from "../i18n";
import { addActions } from "./actions";
import { Bars } from "./bars";
import { Commands } from "./commands";
import { askWords, keyMap } from "./dialogs";
import type { Archive } from "./dicomweb";
import { Engine, MEASURING } from "./engine";
import { besideIndex, cineRate, mayHavePictures, type Series, type Study } from "./films";
import type { KeyImages } from "./keyimages";
import { listenToKeys } from "./keys";
import { Led, type Look } from "./led";
import { mark, warning, type Subject } from "./mixup";
import { Pane, type Place } from "./pane";
import { Strip } from "./strip";

export const PHONE_PX = 720;
type Layout = 1 | 2 | 4;

export class Room {
  readonly engine: Engine;
  private readonly commands = new Commands();
  private readonly stage = el("div", { class: "stage one" });
  private readonly toastElement = el("p", { class: "toast", role: "status" });
  private readonly strip: Strip;
  private readonly bars: Bars;
  private readonly led: Led;
  private panes: Pane[] = [];
  active!: Pane;
  linked = false;
  private following = false;
  private cine = 0;
  private syncing = 0;
  private toastTimer = 0;
  private nextPane = 0;
  private inset: HTMLElement | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly archive: Archive,
    private readonly studies: Study[],
    private readonly keyImages: KeyImages,
    private readonly options: { cpu: boolean; subject: Subject },
  ) {
    this.engine = new Engine({
      cpu: options.cpu,
      small: this.phone,
      askText: (take) =>
        void askWords(host, t("Arrow"), t("Words at the arrow"), t("Put")).then((words) => take(words ?? "")),
    });
    addActions(this.commands, this);
    this.strip = new Strip(archive, studies, (series) => void this.open(series));
    const keys = keyMap(this.commands.list());
    this.commands.add({ id: "keys", label: t("Keys"), icon: "keyboard", key: "?", run: () => keys.showModal() });
    this.bars = new Bars(this.commands, () => this.active, keyImages.allowed);
    const { tools, phone } = this.bars;
    host.append(
      el("div", { class: "viewer-body" }, tools, this.stage, ...phone, this.strip.element, this.toastElement, keys),
    );
    this.led = new Led(host, (look) => this.lookAt(look));
    host.prepend(this.led.element);
    this.setLayout(1);
    this.engine.use(this.phone ? "scroll" : "window");
    listenToKeys(host, this.commands, (digit) => {
      const preset = this.bars.presets[digit - 1];
      if (preset) this.active.setWindow(preset.center, preset.width);
      return preset !== undefined;
    });
    new ResizeObserver(() => this.onResize()).observe(this.stage);
    this.stage.addEventListener("pointermove", ({ clientX, clientY, target }) => {
      if (this.active.quality === "full" && this.active.element.contains(target as Node))
        this.look(this.active.placeOf(clientX, clientY));
    });
    void keyImages.load().then(() => this.changed(this.active));
  }

  get paneCount(): number {
    return this.panes.length;
  }

  get playing(): boolean {
    return this.cine !== 0;
  }

  toggleSeries(): void {
    this.strip.toggle();
  }

  private get phone(): boolean {
    return this.host.clientWidth < PHONE_PX;
  }

  // ---------------------------------------------------------------- opening

  /** Hang what there is: the named series, or the first; a prior of the same kind beside it where there is room. */
  async begin(wanted: { series?: string | undefined } & Place): Promise<void> {
    const all = this.studies.flatMap((study) => study.series);
    const first =
      all.find((series) => series.uid === wanted.series) ?? all.find((series) => mayHavePictures(series)) ?? all[0];
    if (!first) {
      this.stage.replaceChildren(el("p", { class: "nothing" }, t("There are no images here.")));
      this.report("plain", 0);
      return;
    }
    const prior = all.find(
      (series) => series.study.prior && series.modality === first.modality && mayHavePictures(series),
    );
    const beside = prior && !first.study.prior ? prior : undefined;
    if (beside && !this.phone) this.setLayout(2);
    const [left, right] = this.panes;
    const opening = left?.open(first, wanted);
    this.led.begin();
    if (beside && right) void right.open(beside);
    else if (beside) this.offerPrior(first, beside);
    await opening;
  }

  private async open(series: Series, place: Place = {}): Promise<void> {
    this.stopCine();
    await this.active.open(series, place);
  }

  /** On phones the prior waits as an inset; a tap swaps the two. */
  private offerPrior(now: Series, then: Series): void {
    this.inset?.remove();
    const picture = el("img", { alt: "", src: this.archive.thumbnail(then) });
    this.inset = el(
      "div",
      { class: then.study.prior ? "inset then" : "inset" },
      el(
        "button",
        {
          type: "button",
          onclick: () => {
            const { films, index } = this.active;
            this.offerPrior(then, now);
            void this.open(then).then(() => this.active.goTo(besideIndex(films, index, this.active.films)));
          },
        },
        picture,
        el("span", {}, `${then.study.prior ? t("Prior") : t("Current")} ${then.study.date}`),
      ),
    );
    this.stage.append(this.inset);
  }

  // ---------------------------------------------------------------- panes

  setLayout(count: Layout): void {
    while (this.panes.length > count) this.panes.pop()?.destroy();
    while (this.panes.length < count) {
      this.nextPane += 1;
      const pane = new Pane(
        `pane-${this.nextPane}`,
        this.archive,
        this.engine,
        {
          changed: (changed) => this.changed(changed),
          activated: (activated) => this.activate(activated),
          mayUse: (used) => this.mayUse(used),
        },
        this.phone,
      );
      this.panes.push(pane);
      this.stage.append(pane.element);
    }
    this.stage.className = `stage ${{ 1: "one", 2: "two", 4: "four" }[count]}`;
    const first = this.panes[0];
    if (first && !this.panes.includes(this.active)) this.activate(first);
    this.onResize();
  }

  private activate(pane: Pane): void {
    this.active = pane;
    for (const each of this.panes) each.element.classList.toggle("active", each === pane && this.panes.length > 1);
    this.changed(pane);
  }

  private mayUse(pane: Pane): boolean {
    if (pane.quality === "full" || !MEASURING.has(this.engine.tool)) return true;
    this.toast(t("Measuring waits for the original"));
    return false;
  }

  private readonly onResize = (): void => {
    requestAnimationFrame(() => {
      if (this.phone && this.panes.length > 1) this.setLayout(1);
      this.engine.resize();
      this.changed(this.active);
    });
  };

  /** Something about a pane changed: bring bars, strip and marks in step, once a frame. */
  private changed(pane: Pane): void {
    if (this.linked && !this.following && pane === this.active) this.follow(pane);
    if (this.syncing) return;
    this.syncing = requestAnimationFrame(() => {
      this.syncing = 0;
      this.sync();
      for (const one of this.panes) {
        const film = one.films[one.index];
        mark(one.element, film ? warning(film.meta, this.options.subject) : "");
      }
    });
  }

  private follow(leader: Pane): void {
    this.following = true;
    for (const pane of this.panes)
      if (pane !== leader && pane.films.length) pane.goTo(besideIndex(leader.films, leader.index, pane.films));
    this.following = false;
  }

  private sync(): void {
    const { active } = this;
    for (const pane of this.panes) {
      const star = this.keyImages.has(pane.films[pane.index]);
      if (star !== pane.star) {
        pane.star = star;
        pane.write();
      }
    }
    this.bars.sync();
    const others = this.panes.filter((pane) => pane !== active).map((pane) => pane.series?.uid ?? "");
    this.strip.sync(active.series?.uid, others);
    this.report(active.quality, active.imageQualityStatus);
    this.look();
  }

  /** Say what is looked at: a call passes it on. */
  private look(place: { x: number; y: number } | null = null): void {
    const film = this.active.films[this.active.index];
    if (!film) return;
    const { study, series, instance, frame } = film;
    announce(this.host, "viewer:look", { study, series, instance, frame, ...this.active.window(), ...place });
  }

  /** What somebody else looks at in a call. Whether it is among the films here. */
  private async lookAt({ series: uid, instance, frame = 1, center, width, x, y }: Look): Promise<boolean> {
    const series = this.studies.flatMap((study) => study.series).find((one) => one.uid === uid);
    if (!series || typeof instance !== "string" || typeof frame !== "number") return false;
    const pane = this.active;
    if (pane.series !== series || pane.films.length === 0) {
      this.stopCine();
      await pane.open(series, { instance, frame });
    }
    const at = pane.films.findIndex((film) => film.instance === instance && film.frame === frame);
    if (at < 0) return false;
    pane.goTo(at);
    const now = pane.window();
    if (
      now &&
      typeof center === "number" &&
      typeof width === "number" &&
      (now.center !== center || now.width !== width)
    )
      pane.setWindow(center, width);
    pane.point(typeof x === "number" && typeof y === "number" ? { x, y } : null);
    return true;
  }

  /** What tests and other scripts may wait for. */
  private report(quality: string, status: number): void {
    const root = document.documentElement.dataset;
    root.imageQualityStatus = String(status);
    if (root.viewer === quality) return;
    root.viewer = quality;
    announce(this.host, "viewer:state", { state: quality });
  }

  // ---------------------------------------------------------------- deeds

  erase(): void {
    const { state, selection } = annotation;
    const selected = selection.getAnnotationsSelected();
    const last = state.getAllAnnotations().at(-1)?.annotationUID;
    const uids = selected.length ? selected : last ? [last] : [];
    for (const uid of uids) state.removeAnnotation(uid);
    this.engine.resize();
    for (const pane of this.panes) pane.redraw();
  }

  starBlocked(): string {
    if (!this.keyImages.allowed) return t("Key images cannot be chosen here");
    return this.active.films.length ? "" : t("There are no images here.");
  }

  async star(): Promise<void> {
    const pane = this.active;
    const film = pane.films[pane.index];
    if (!film) return;
    const window = pane.window();
    const note = await askWords(
      this.host,
      t("Key image"),
      t("Note for the report (may stay empty)"),
      t("Save key image"),
    );
    if (note === null) return;
    try {
      const saved = await this.keyImages.add(film, window, note);
      announce(this.host, "keyimage:added", saved);
      this.toast(t("Key image saved"));
    } catch (error) {
      const why = error instanceof Refusal ? error.message : t("No connection.");
      this.toast(t("The key image was not saved: {why}", { why }));
    }
    this.changed(pane);
  }

  toggleLink(): void {
    this.linked = !this.linked;
    if (this.linked) this.follow(this.active);
  }

  toggleCine(): void {
    if (this.cine) {
      this.stopCine();
      return;
    }
    const pane = this.active;
    if (pane.films.length < 2) return;
    const rate = cineRate(pane.films[pane.index]?.meta ?? {});
    this.cine = window.setInterval(() => {
      if (pane.quality === "full") pane.goTo((pane.index + 1) % pane.films.length);
    }, 1000 / rate);
  }

  private stopCine(): void {
    clearInterval(this.cine);
    this.cine = 0;
  }

  async fullScreen(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if ("requestFullscreen" in this.host) await this.host.requestFullscreen();
  }

  private toast(words: string): void {
    clearTimeout(this.toastTimer);
    this.toastElement.replaceChildren(icon("circle-alert", true), words);
    this.toastElement.classList.add("shown");
    this.toastTimer = window.setTimeout(() => this.toastElement.classList.remove("shown"), 5000);
  }
}
