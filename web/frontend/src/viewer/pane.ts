/** One film on the screen: the server's preview first, then the pixels; its corners, edges, slider and quality label. */

import { cache, Enums, eventTarget } from "@cornerstonejs/core";
import { el } from "../dom";
import { t } from "../i18n";
import { gradient } from "./arrivals";
import { corners } from "./corners";
import type { Archive } from "./dicomweb";
import { describe, FULL_QUALITY, isWhole, type Engine, type StackViewport } from "./engine";
import { filmsOf, mayHavePictures, text, type DicomJson, type Film, type Series } from "./films";
import { edges, towards, type Edges } from "./orientation";
import { Overlay } from "./overlay";
import { plainCard } from "./plain";
import { Pointer, spotAt, type Spot } from "./pointer";
import { Prefetch } from "./prefetch";
import { bounds, centerWidth } from "./windows";

export type Quality = "empty" | "loading" | "preview" | "full" | "plain" | "error";

export interface PaneHooks {
  changed(pane: Pane): void;
  activated(pane: Pane): void;
  /** May the press on the film go to the tool now? */
  mayUse(pane: Pane): boolean;
}

export interface Place {
  instance?: string | undefined;
  frame?: number | undefined;
}

const EVENTS = Enums.Events;
/** A slider that is being dragged passes many films: fetch where it rests. */
const REST_MS = 80;
const TROUBLE_MS = 2000;

export class Pane {
  readonly element: HTMLElement;
  series: Series | null = null;
  films: Film[] = [];
  index = 0;
  quality: Quality = "empty";
  imageQualityStatus = 0;

  private readonly film = el("div", { class: "film" });
  private readonly preview = el("img", { class: "preview", alt: "" });
  private readonly overlay = new Overlay();
  private readonly pointer = new Pointer();
  private readonly slider: HTMLInputElement;
  private readonly slices: HTMLElement;
  private readonly viewport: StackViewport;
  private readonly prefetch: Prefetch;
  private readonly idAt = new Map<string, number>();
  private readonly undrawable = new Set<string>();
  private arrived: boolean[] = [];
  private loading: AbortController | null = null;
  private resting = 0;
  private drawing = 0;
  private rotation = 0;
  star = false;

  constructor(
    readonly id: string,
    private readonly archive: Archive,
    private readonly engine: Engine,
    private readonly hooks: PaneHooks,
    small: boolean,
  ) {
    this.slider = el("input", { type: "range", min: 1, max: 1, value: 1, "aria-label": t("Which image") });
    this.slices = el("div", { class: "slices", hidden: true }, this.slider);
    this.element = el("section", { class: "view", "aria-label": t("Empty place for a series") });
    this.element.append(this.film, this.preview, this.pointer.element, ...this.overlay.elements, this.slices);
    this.preview.hidden = true;
    this.prefetch = new Prefetch(small);
    this.viewport = engine.enable(id, this.film);
    this.listen();
  }

  private listen(): void {
    const on = (name: string, then: (detail: Record<string, unknown>) => void): void =>
      this.film.addEventListener(name, (event) => then((event as CustomEvent<Record<string, unknown>>).detail));
    on(EVENTS.STACK_VIEWPORT_SCROLL, (detail) => this.heading(Number(detail.newImageIdIndex)));
    on(EVENTS.PRE_STACK_NEW_IMAGE, (detail) => this.heading(Number(detail.imageIdIndex)));
    on(EVENTS.STACK_NEW_IMAGE, (detail) => this.arrivedOnScreen(String(detail.imageId)));
    on(EVENTS.IMAGE_RENDERED, () => this.rendered());
    on(EVENTS.VOI_MODIFIED, () => this.write());
    on(EVENTS.CAMERA_MODIFIED, () => this.write());
    eventTarget.addEventListener(EVENTS.IMAGE_CACHE_IMAGE_ADDED, this.onCache);
    eventTarget.addEventListener(EVENTS.IMAGE_CACHE_IMAGE_REMOVED, this.onCache);
    eventTarget.addEventListener(EVENTS.IMAGE_LOAD_ERROR, this.onLoadError);
    addEventListener("error", this.onTrouble);
    addEventListener("unhandledrejection", this.onTrouble);
    this.slider.addEventListener("input", () => this.goTo(this.slider.valueAsNumber - 1));
    const guard = (event: Event): void => {
      this.hooks.activated(this);
      if (!this.hooks.mayUse(this)) event.stopImmediatePropagation();
    };
    // Before Cornerstone hears of it: a measure must never be drawn on another film's pixels.
    this.film.addEventListener("mousedown", guard, { capture: true });
    this.film.addEventListener("touchstart", guard, { capture: true, passive: true });
    this.element.addEventListener("focusin", () => this.hooks.activated(this));
    this.film.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Show a series: thumbnail, preview, then pixels. */
  async open(series: Series, place: Place = {}): Promise<void> {
    this.loading?.abort();
    const { signal } = (this.loading = new AbortController());
    this.clear();
    this.series = series;
    this.element.setAttribute("aria-label", `${series.study.prior ? t("Prior") : t("Current")} ${series.modality}`);
    this.setQuality("loading");
    if (mayHavePictures(series)) this.showPicture(this.archive.thumbnail(series));
    try {
      const metadata = this.archive.metadata(series, signal);
      const first = place.instance ?? (mayHavePictures(series) ? await this.firstPicture(series, signal) : "");
      await this.showFilms(series, await metadata, { ...place, instance: first });
    } catch (error) {
      if (signal.aborted) return;
      this.setQuality("error", t("This series could not be fetched. Check the connection and open it again."));
      console.warn("Series could not be opened", error);
    }
  }

  private async firstPicture(series: Series, signal: AbortSignal): Promise<string> {
    const instance = await this.archive.middleInstance(series, signal);
    if (instance && !signal.aborted) this.showPicture(this.archive.rendered(series, instance, this.sizePx()));
    return instance;
  }

  private async showFilms(series: Series, metadata: DicomJson[], place: Place): Promise<void> {
    if (this.series !== series) return;
    this.films = filmsOf(this.archive.root, metadata);
    if (!this.films.length) {
      this.hidePicture();
      this.element.append(plainCard(this.archive, series, metadata));
      this.setQuality("plain");
      return;
    }
    await describe(this.films, this.archive.bulk);
    if (this.series !== series) return;
    this.films.forEach((film, at) => this.idAt.set(film.imageId, at));
    this.arrived = this.films.map((film) => cache.isLoaded(film.imageId));
    const wanted = this.films.findIndex(
      (film) => film.instance === place.instance && film.frame === (place.frame ?? 1),
    );
    this.index = Math.max(0, wanted);
    this.slider.max = String(this.films.length);
    this.slices.hidden = this.films.length < 2;
    this.heading(this.index);
    await this.viewport.setStack(
      this.films.map((film) => film.imageId),
      this.index,
    );
    this.viewport.render();
  }

  /** The film at `index` will be shown: say so at once, with the server's preview where the pixels are not here. */
  private heading(index: number): void {
    const film = this.films[index];
    if (!film) return;
    this.index = index;
    this.slider.value = String(index + 1);
    if (!cache.isLoaded(film.imageId)) {
      this.showPicture(this.archive.renderedFilm(film, this.sizePx()));
      this.setQuality("preview");
    }
    this.write();
  }

  private arrivedOnScreen(imageId: string): void {
    const at = this.idAt.get(imageId);
    if (at === undefined) return;
    this.index = at;
    this.slider.value = String(at + 1);
    const image = this.viewport.getCornerstoneImage() as { imageQualityStatus?: number } | undefined;
    this.imageQualityStatus = image?.imageQualityStatus ?? FULL_QUALITY;
    const film = this.films[at];
    if (film && !isWhole(this.viewport.getCornerstoneImage(), film)) this.undrawable.add(imageId);
    this.prefetch.around(this.films, at);
  }

  private rendered(): void {
    const film = this.films[this.index];
    // The picture on the canvas must be the one the corners speak of.
    if (!film || this.viewport.getCurrentImageId() !== film.imageId || !cache.isLoaded(film.imageId)) return;
    if (this.undrawable.has(film.imageId)) {
      this.failed();
      return;
    }
    this.hidePicture();
    if (this.imageQualityStatus >= FULL_QUALITY) this.setQuality("full");
    else this.setQuality("preview");
    this.write();
  }

  private readonly onCache = (event: Event): void => {
    const detail = (event as CustomEvent<{ image?: { imageId?: string }; imageId?: string }>).detail;
    const at = this.idAt.get(detail.image?.imageId ?? detail.imageId ?? "");
    if (at === undefined) return;
    this.arrived[at] = event.type === (EVENTS.IMAGE_CACHE_IMAGE_ADDED as string);
    this.write();
  };

  private readonly onLoadError = (event: Event): void => {
    const { imageId } = (event as CustomEvent<{ imageId?: string }>).detail;
    if (imageId && this.films[this.index]?.imageId === imageId) this.failed();
  };

  /** An error nobody caught while a film was to be drawn: if it is still not there soon after, say so. */
  private readonly onTrouble = (): void => {
    if (this.quality !== "preview" || !this.films.length) return;
    const { imageId } = this.films[this.index] ?? {};
    setTimeout(() => {
      if (this.quality === "preview" && this.films[this.index]?.imageId === imageId) this.failed();
    }, TROUBLE_MS);
  };

  private failed(): void {
    const film = this.films[this.index];
    if (film) this.showPicture(this.archive.renderedFilm(film, this.sizePx()));
    this.setQuality("error", t("The original pixels could not be read here. The server's preview is shown."));
  }

  goTo(index: number): void {
    const at = Math.min(this.films.length - 1, Math.max(0, Math.round(index)));
    const film = this.films[at];
    if (!film || at === this.index) return;
    clearTimeout(this.resting);
    const now = cache.isLoaded(film.imageId);
    this.heading(at);
    this.resting = window.setTimeout(() => void this.viewport.setImageIdIndex(this.index), now ? 0 : REST_MS);
    this.hooks.changed(this);
  }

  step(by: number): void {
    this.goTo(this.index + by);
  }

  /** Centre and width now; null for colour pictures and before the first film. */
  window(): { center: number; width: number } | null {
    if (!this.films.length || text(this.films[this.index]?.meta ?? {}, "00280004").match(/RGB|YBR|PALETTE/))
      return null;
    const range = this.viewport.getProperties().voiRange;
    return range ? centerWidth(range.lower, range.upper) : null;
  }

  /** Where a place on the page lies on the film, as shares of its width and height; null beside it. */
  placeOf(clientX: number, clientY: number): Spot | null {
    const { left, top } = this.film.getBoundingClientRect();
    return spotAt(this.viewport, clientX - left, clientY - top);
  }

  /** Show where somebody else points; null for nowhere. */
  point(at: Spot | null): void {
    this.pointer.show(this.viewport, at);
  }

  setWindow(center: number, width: number): void {
    this.viewport.setProperties({ voiRange: bounds(center, width) });
    this.viewport.render();
  }

  get inverted(): boolean {
    return this.viewport.getProperties().invert ?? false;
  }

  invert(): void {
    this.viewport.setProperties({ invert: !this.inverted });
    this.viewport.render();
  }

  rotate(): void {
    this.rotation = (this.rotation + 90) % 360;
    this.viewport.setViewPresentation({ rotation: this.rotation });
    this.viewport.render();
  }

  flip(axis: "flipHorizontal" | "flipVertical"): void {
    const camera = this.viewport.getCamera();
    this.viewport.setCamera({ [axis]: !camera[axis] });
    this.viewport.render();
  }

  reset(): void {
    if (!this.films.length) return;
    this.rotation = 0;
    const camera = this.viewport.getCamera();
    if (camera.flipHorizontal || camera.flipVertical)
      this.viewport.setCamera({ flipHorizontal: false, flipVertical: false });
    this.viewport.setViewPresentation({ rotation: 0 });
    this.viewport.resetCamera();
    this.viewport.resetProperties();
    this.viewport.render();
  }

  redraw(): void {
    if (this.films.length) this.viewport.render();
  }

  get arrivedCount(): number {
    return this.arrived.filter(Boolean).length;
  }

  /** One pass of writing per drawn frame, however many events come. */
  write(): void {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.writeNow();
      this.hooks.changed(this);
    });
  }

  private writeNow(): void {
    const film = this.films[this.index];
    if (!film || !this.series) return;
    const full = this.quality === "full";
    const total = this.films.length;
    this.overlay.corners(corners(film, this.series, this.index, total, this.window()), { full, star: this.star });
    this.overlay.edges(this.sides(film));
    this.element.classList.toggle("prior", this.series.study.prior);
    this.slices.style.setProperty("--track", gradient(this.arrived, "bottom"));
    this.slider.setAttribute("aria-valuetext", t("Image {n} / {total}", { n: this.index + 1, total }));
    if (this.quality === "preview" || this.quality === "loading") this.overlay.waiting(this.arrivedCount, total);
  }

  /** Which side is where: as the camera sees it, so turning and flipping are in it. */
  private sides(film: Film): Edges | null {
    const { clientWidth: width, clientHeight: height } = this.film;
    if (!("00200037" in film.meta) || this.quality !== "full" || !width) return null;
    const center = this.viewport.canvasToWorld([width / 2, height / 2]);
    return edges(
      towards(center, this.viewport.canvasToWorld([width, height / 2])),
      towards(center, this.viewport.canvasToWorld([width / 2, height])),
    );
  }

  private setQuality(quality: Quality, words = ""): void {
    this.quality = quality;
    this.element.dataset.quality = quality;
    if (quality !== "full") this.imageQualityStatus = 0;
    if (quality === "error") this.overlay.failed(words);
    else if (quality === "preview" || quality === "loading")
      this.overlay.waiting(this.arrivedCount, this.films.length || (this.series?.count ?? 0));
    else this.overlay.settled();
    this.hooks.changed(this);
  }

  private showPicture(address: string): void {
    if (this.preview.getAttribute("src") === address && !this.preview.hidden) return;
    this.preview.onload = () => {
      this.preview.hidden = false;
      if (this.quality === "loading") this.setQuality("preview");
    };
    this.preview.onerror = () => undefined; // No preview: the pixels come anyway.
    this.preview.src = address;
  }

  private hidePicture(): void {
    this.preview.onload = null;
    this.preview.hidden = true;
    this.preview.removeAttribute("src");
  }

  private clear(): void {
    clearTimeout(this.resting);
    this.prefetch.stop();
    this.hidePicture();
    this.point(null);
    this.element.querySelector(".plain-card")?.remove();
    this.overlay.clear();
    this.slices.hidden = true;
    this.films = [];
    this.arrived = [];
    this.idAt.clear();
    this.index = 0;
    this.rotation = 0;
    this.star = false;
  }

  private sizePx(): number {
    const size = Math.max(this.film.clientWidth, this.film.clientHeight, 256);
    // Steps keep the server's cache of pictures small.
    return [256, 512, 768, 1024].find((step) => step >= size) ?? 1024;
  }

  destroy(): void {
    this.loading?.abort();
    this.clear();
    cancelAnimationFrame(this.drawing);
    eventTarget.removeEventListener(EVENTS.IMAGE_CACHE_IMAGE_ADDED, this.onCache);
    eventTarget.removeEventListener(EVENTS.IMAGE_CACHE_IMAGE_REMOVED, this.onCache);
    eventTarget.removeEventListener(EVENTS.IMAGE_LOAD_ERROR, this.onLoadError);
    removeEventListener("error", this.onTrouble);
    removeEventListener("unhandledrejection", this.onTrouble);
    this.engine.disable(this.id);
    this.element.remove();
  }
}
