/** The reading room: panes, bars, keys, and what happens between them. */

import { annotation } from "@cornerstonejs/tools";
import { announce, el, icon } from "../dom";
import { Refusal } from "../http";
import { t } from "../i18n";
import { Commands, menu } from "./commands";
import { askWords, keyMap, keysAreOn } from "./dialogs";
import type { Archive } from "./dicomweb";
import { Engine, MEASURING, type MouseTool } from "./engine";
import { besideIndex, cineRate, mayHavePictures, numbers, type Series, type Study } from "./films";
import { KeyImages } from "./keyimages";
import { Pane, type Place } from "./pane";
import { Strip } from "./strip";
import { isAt, presetsFor, presetsInFilm, type Preset } from "./windows";

export const PHONE_PX = 720;
type Layout = 1 | 2 | 4;

export class Room {
  private readonly engine: Engine;
  private readonly commands = new Commands();
  private readonly stage = el("div", { class: "stage one" });
  private readonly presetBars: HTMLElement[] = [];
  private readonly walkSlider = el("input", { type: "range", min: 1, max: 1, value: 1, "aria-label": t("Which image") });
  private readonly walkCount = el("output", { class: "num" });
  private readonly toastElement = el("p", { class: "toast", role: "status" });
  private readonly strip: Strip;
  private readonly body: HTMLElement;
  private panes: Pane[] = [];
  private active!: Pane;
  private linked = false;
  private following = false;
  private cine = 0;
  private presets: Preset[] = [];
  private presetsOf = "";
  private syncing = 0;
  private toastTimer = 0;
  private nextPane = 0;
  private inset: HTMLElement | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly archive: Archive,
    private readonly studies: Study[],
    private readonly keyImages: KeyImages,
    options: { cpu: boolean },
  ) {
    this.engine = new Engine({
      cpu: options.cpu,
      small: this.phone,
      askText: (take) =>
        void askWords(host, t("Arrow"), t("Words at the arrow"), t("Put")).then((words) => take(words ?? "")),
    });
    this.addCommands();
    this.strip = new Strip(archive, studies, (series) => void this.open(series));
    const keys = keyMap(this.commands.list());
    this.commands.add({ id: "keys", label: t("Keys"), icon: "keyboard", key: "?", run: () => keys.showModal() });
    this.body = el("div", { class: "viewer-body" });
    this.body.append(
      this.tools(),
      this.stage,
      ...this.phoneBars(),
      this.strip.element,
      this.toastElement,
      keys,
    );
    host.append(this.body);
    this.setLayout(1);
    this.engine.use(this.phone ? "scroll" : "window");
    document.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.onResize()).observe(this.stage);
    void keyImages.load().then(() => this.changed(this.active));
  }

  private get phone(): boolean {
    return this.host.clientWidth < PHONE_PX;
  }

  // ---------------------------------------------------------------- opening

  /** Hang what there is: the named series, or the first; a prior of the same kind beside it where there is room. */
  async begin(wanted: { series?: string | undefined } & Place): Promise<void> {
    const all = this.studies.flatMap((study) => study.series);
    const first = all.find((series) => series.uid === wanted.series) ?? all.find((series) => mayHavePictures(series)) ?? all[0];
    if (!first) {
      this.stage.replaceChildren(el("p", { class: "nothing" }, t("There are no images here.")));
      this.report("plain", 0);
      return;
    }
    const prior = all.find((series) => series.study.prior && series.modality === first.modality && mayHavePictures(series));
    const beside = prior && !first.study.prior ? prior : undefined;
    if (beside && !this.phone) this.setLayout(2);
    const [left, right] = this.panes;
    const opening = left?.open(first, wanted);
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

  private setLayout(count: Layout): void {
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
    this.syncPresets();
    this.commands.sync();
    const others = this.panes.filter((pane) => pane !== active).map((pane) => pane.series?.uid ?? "");
    this.strip.sync(active.series?.uid, others);
    this.walkSlider.max = String(Math.max(1, active.films.length));
    this.walkSlider.value = String(active.index + 1);
    this.walkCount.replaceChildren(el("b", {}, String(active.films.length ? active.index + 1 : 0)), ` / ${active.films.length}`);
    this.report(active.quality, active.imageQualityStatus);
  }

  /** What tests and other scripts may wait for. */
  private report(quality: string, status: number): void {
    const root = document.documentElement.dataset;
    root.imageQualityStatus = String(status);
    if (root.viewer === quality) return;
    root.viewer = quality;
    announce(this.host, "viewer:state", { state: quality });
  }

  // ---------------------------------------------------------------- commands

  private addCommands(): void {
    const waits = (): string => (this.active.quality === "full" ? "" : t("Measuring waits for the original"));
    const tool = (id: MouseTool, label: string, iconName: string, key: string): void =>
      this.commands.add({
        id,
        label,
        icon: iconName,
        key,
        run: () => this.engine.use(id),
        pressed: () => this.engine.tool === id,
        ...(MEASURING.has(id) ? { blocked: waits } : {}),
      });
    tool("window", t("Window"), "contrast", "w");
    tool("scroll", t("Scroll"), "layers", "s");
    tool("pan", t("Move"), "move", "m");
    tool("zoom", t("Zoom"), "zoom-in", "z");
    tool("length", t("Length"), "ruler", "l");
    tool("angle", t("Angle"), "chevron-up", "g");
    tool("ellipse", t("Area"), "circle-dot", "e");
    tool("arrow", t("Arrow"), "arrow-up-right", "a");
    this.commands.add(
      { id: "erase", label: t("Remove mark"), icon: "trash-2", key: "Delete", keyText: "Del", run: () => this.erase() },
      { id: "star", label: t("Key image"), icon: "star", key: "k", run: () => void this.star(), blocked: () => this.starBlocked(), pressed: () => this.active.star },
      { id: "previous", label: t("Previous image"), icon: "minus", key: "ArrowUp", keyText: "↑", run: () => this.active.step(-1) },
      { id: "next", label: t("Next image"), icon: "plus", key: "ArrowDown", keyText: "↓", run: () => this.active.step(1) },
      { id: "back", label: t("Ten images back"), icon: "chevron-up", key: "PageUp", keyText: "PgUp", run: () => this.active.step(-10) },
      { id: "ahead", label: t("Ten images ahead"), icon: "chevron-down", key: "PageDown", keyText: "PgDn", run: () => this.active.step(10) },
      { id: "cine", label: t("Play"), icon: "play", key: "c", run: () => this.toggleCine(), pressed: () => this.cine !== 0 },
      { id: "invert", label: t("Invert"), icon: "contrast", key: "i", run: () => this.active.invert(), pressed: () => this.active.films.length > 0 && this.active.inverted },
      { id: "rotate", label: t("Rotate"), icon: "rotate-cw", key: "r", run: () => this.active.rotate() },
      { id: "mirror", label: t("Flip left to right"), icon: "flip-horizontal-2", key: "h", run: () => this.active.flip("flipHorizontal") },
      { id: "upend", label: t("Flip top to bottom"), icon: "flip-vertical-2", key: "v", run: () => this.active.flip("flipVertical") },
      { id: "reset", label: t("Reset"), icon: "rotate-ccw", key: "0", run: () => this.active.reset() },
      { id: "link", label: t("Link"), icon: "link-2", key: "b", run: () => this.toggleLink(), pressed: () => this.linked, blocked: () => (this.panes.length > 1 ? "" : t("Link")) },
      { id: "layout-1", label: "1×1", icon: "square", run: () => this.setLayout(1), pressed: () => this.panes.length === 1 },
      { id: "layout-2", label: "1×2", icon: "columns-2", run: () => this.setLayout(2), pressed: () => this.panes.length === 2 },
      { id: "layout-4", label: "2×2", icon: "grid-2x2", run: () => this.setLayout(4), pressed: () => this.panes.length === 4 },
      { id: "series", label: t("Series"), icon: "layers", run: () => this.strip.toggle() },
      { id: "full-screen", label: t("Full screen"), icon: "maximize", key: "f", run: () => void this.fullScreen(), pressed: () => document.fullscreenElement !== null },
    );
  }

  private tools(): HTMLElement {
    const button = (id: string): HTMLElement => this.commands.button(id);
    const presets = el("div", { class: "group apart", role: "group", "aria-label": t("Window") });
    this.presetBars.push(presets);
    const turning = ["invert", "rotate", "mirror", "upend", "cine"].map(button);
    const layouts = ["layout-1", "layout-2", "layout-4"].map(button);
    const measures = ["angle", "arrow", "erase"].map(button);
    return el(
      "div",
      { class: "tools", role: "group", "aria-label": t("Tools") },
      el("div", { class: "group" }, ...["window", "pan", "zoom"].map(button)),
      el(
        "div",
        { class: "group apart" },
        button("length"),
        button("ellipse"),
        ...menu(t("Marks"), "ellipsis", measures),
        this.keyImages.allowed ? button("star") : null,
      ),
      presets,
      el("div", { class: "group apart" }, ...menu(t("Picture"), "rotate-cw", turning), button("reset")),
      el("div", { class: "group apart" }, ...menu(t("Layout"), "columns-2", layouts), button("link")),
      el("div", { class: "group last" }, this.commands.button("keys", { iconOnly: true }), this.commands.button("full-screen", { iconOnly: true })),
    );
  }

  private phoneBars(): HTMLElement[] {
    const presets = el("div", { class: "presets", role: "group", "aria-label": t("Window") });
    this.presetBars.push(presets);
    this.walkSlider.addEventListener("input", () => this.active.goTo(this.walkSlider.valueAsNumber - 1));
    const marks = ["length", "angle", "ellipse", "arrow", "erase"].map((id) => this.commands.button(id));
    const more = ["scroll", "window", "pan", "zoom", "invert", "rotate", "mirror", "upend", "reset", "cine", "full-screen"].map((id) =>
      this.commands.button(id),
    );
    return [
      presets,
      el(
        "div",
        { class: "walk" },
        this.commands.button("previous", { iconOnly: true }),
        this.walkSlider,
        this.walkCount,
        this.commands.button("next", { iconOnly: true }),
      ),
      el(
        "div",
        { class: "controls", role: "group", "aria-label": t("Tools") },
        this.commands.button("series"),
        ...menu(t("Measure"), "ruler", marks),
        this.keyImages.allowed ? this.commands.button("star") : null,
        ...menu(t("More"), "ellipsis", more),
      ),
    ];
  }

  private syncPresets(): void {
    const { series, films, index } = this.active;
    const meta = films[index]?.meta ?? {};
    const of = `${series?.uid ?? ""}/${films.length}`;
    if (of !== this.presetsOf) {
      this.presetsOf = of;
      const known = presetsFor(series?.modality ?? "");
      const names = (meta["00281055"]?.Value ?? []).map(String);
      const brought = presetsInFilm(numbers(meta, "00281050"), numbers(meta, "00281051"), names);
      this.presets = films.length ? (known.length ? known : brought) : [];
      this.presetBars.forEach((bar, at) => this.writePresets(bar, at === 1));
    }
    const window = this.active.window();
    for (const bar of this.presetBars)
      bar.querySelectorAll<HTMLElement>("[data-preset]").forEach((button) => {
        const preset = this.presets[Number(button.dataset.preset)];
        button.setAttribute("aria-pressed", String(!!window && !!preset && isAt(preset, window.center, window.width)));
      });
  }

  private writePresets(bar: HTMLElement, phone: boolean): void {
    const shown = this.presets.slice(0, phone ? 3 : 4); // the others have keys
    bar.replaceChildren(
      ...shown.map((preset, at) =>
        el(
          "button",
          {
            type: "button",
            "data-preset": at,
            "aria-pressed": "false",
            title: `${preset.name} (${at + 1})`,
            onclick: () => this.active.setWindow(preset.center, preset.width),
          },
          preset.name,
        ),
      ),
      ...(phone ? [this.commands.button("window", { label: t("By hand") })] : []),
    );
    bar.hidden = !phone && !shown.length;
  }

  // ---------------------------------------------------------------- deeds

  private erase(): void {
    const { state, selection } = annotation;
    const selected = selection.getAnnotationsSelected();
    const last = state.getAllAnnotations().at(-1)?.annotationUID;
    const uids = selected.length ? selected : last ? [last] : [];
    for (const uid of uids) state.removeAnnotation(uid);
    this.engine.resize();
    for (const pane of this.panes) pane.redraw();
  }

  private starBlocked(): string {
    if (!this.keyImages.allowed) return t("Key images cannot be chosen here");
    return this.active.films.length ? "" : t("There are no images here.");
  }

  private async star(): Promise<void> {
    const pane = this.active;
    const film = pane.films[pane.index];
    if (!film) return;
    const window = pane.window();
    const note = await askWords(this.host, t("Key image"), t("Note for the report (may stay empty)"), t("Save key image"));
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

  private toggleLink(): void {
    this.linked = !this.linked;
    if (this.linked) this.follow(this.active);
  }

  private toggleCine(): void {
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

  private async fullScreen(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if ("requestFullscreen" in this.host) await this.host.requestFullscreen();
  }

  private toast(words: string): void {
    clearTimeout(this.toastTimer);
    this.toastElement.replaceChildren(icon("circle-alert", true), words);
    this.toastElement.classList.add("shown");
    this.toastTimer = window.setTimeout(() => this.toastElement.classList.remove("shown"), 5000);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    const elsewhere = target !== document.body && !this.host.contains(target);
    const typing = target.matches("input:not([type=range]), textarea, select, [contenteditable=true]");
    if (elsewhere || typing || document.querySelector("dialog[open]")) return;
    if (event.key.length === 1 && !keysAreOn()) return;
    const onSlider = target.matches("input[type=range]");
    if (onSlider && event.key.startsWith("Arrow")) return;
    const digit = /^[1-9]$/.test(event.key) ? this.presets[Number(event.key) - 1] : undefined;
    if (digit) this.active.setWindow(digit.center, digit.width);
    else {
      const command = this.commands.forKey(event.key.length === 1 ? event.key.toLowerCase() : event.key);
      if (!command) return;
      this.commands.run(command.id);
    }
    event.preventDefault();
    this.commands.sync();
  }
}
