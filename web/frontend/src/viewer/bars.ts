/** The bars: tools above the films on desktops, presets, slider and controls below the film on phones. */

import { el } from "../dom";
import { t } from "../i18n";
import { menu, type Commands } from "./commands";
import { numbers } from "./films";
import type { Pane } from "./pane";
import { isAt, presetsFor, presetsInFilm, type Preset } from "./windows";

/** What fits beside the tools; all others are on the number keys. */
const PRESETS_ON_DESKTOP = 4;
const PRESETS_ON_PHONE = 3;

export class Bars {
  readonly tools: HTMLElement;
  readonly phone: HTMLElement[];
  presets: Preset[] = [];
  private presetsOf = "";
  private readonly desktopPresets = el("div", { class: "group apart", role: "group", "aria-label": t("Window") });
  private readonly phonePresets = el("div", { class: "presets", role: "group", "aria-label": t("Window") });
  private readonly slider = el("input", { type: "range", min: 1, max: 1, value: 1, "aria-label": t("Which image") });
  private readonly byHand: HTMLElement;
  private readonly count = el("output", { class: "num" });

  constructor(
    private readonly commands: Commands,
    private readonly active: () => Pane,
    private readonly withStar: boolean,
  ) {
    this.slider.addEventListener("input", () => this.active().goTo(this.slider.valueAsNumber - 1));
    this.byHand = commands.button("window", { label: t("By hand") });
    this.tools = this.toolBar();
    this.phone = this.phoneBars();
  }

  sync(): void {
    const active = this.active();
    const total = active.films.length;
    this.slider.max = String(Math.max(1, total));
    this.slider.value = String(active.index + 1);
    this.count.replaceChildren(el("b", {}, String(total ? active.index + 1 : 0)), ` / ${total}`);
    this.syncPresets(active);
    this.commands.sync();
  }

  private toolBar(): HTMLElement {
    const button = (id: string): HTMLElement => this.commands.button(id);
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
        this.withStar ? button("star") : null,
      ),
      this.desktopPresets,
      el("div", { class: "group apart" }, ...menu(t("Picture"), "rotate-cw", turning), button("reset")),
      el("div", { class: "group apart" }, ...menu(t("Layout"), "columns-2", layouts), button("link")),
      el(
        "div",
        { class: "group last" },
        this.commands.button("keys", { iconOnly: true }),
        this.commands.button("full-screen", { iconOnly: true }),
      ),
    );
  }

  private phoneBars(): HTMLElement[] {
    const marks = ["length", "angle", "ellipse", "arrow", "erase"].map((id) => this.commands.button(id));
    const more = [
      "scroll",
      "window",
      "pan",
      "zoom",
      "invert",
      "rotate",
      "mirror",
      "upend",
      "reset",
      "cine",
      "full-screen",
    ].map((id) => this.commands.button(id));
    return [
      this.phonePresets,
      el(
        "div",
        { class: "walk" },
        this.commands.button("previous", { iconOnly: true }),
        this.slider,
        this.count,
        this.commands.button("next", { iconOnly: true }),
      ),
      el(
        "div",
        { class: "controls", role: "group", "aria-label": t("Tools") },
        this.commands.button("series"),
        ...menu(t("Measure"), "ruler", marks),
        this.withStar ? this.commands.button("star") : null,
        ...menu(t("More"), "ellipsis", more),
      ),
    ];
  }

  private syncPresets(active: Pane): void {
    const { series, films, index } = active;
    const of = `${series?.uid ?? ""}/${films.length}`;
    if (of !== this.presetsOf) {
      this.presetsOf = of;
      const meta = films[index]?.meta ?? {};
      const known = presetsFor(series?.modality ?? "");
      const names = (meta["00281055"]?.Value ?? []).map(String);
      const brought = presetsInFilm(numbers(meta, "00281050"), numbers(meta, "00281051"), names);
      this.presets = films.length ? (known.length ? known : brought) : [];
      this.writePresets();
    }
    const window = active.window();
    for (const bar of [this.desktopPresets, this.phonePresets])
      bar.querySelectorAll<HTMLElement>("[data-preset]").forEach((button) => {
        const preset = this.presets[Number(button.dataset.preset)];
        button.setAttribute("aria-pressed", String(!!window && !!preset && isAt(preset, window.center, window.width)));
      });
  }

  private writePresets(): void {
    const buttons = (most: number): HTMLElement[] =>
      this.presets.slice(0, most).map((preset, at) => this.presetButton(preset, at));
    this.desktopPresets.replaceChildren(...buttons(PRESETS_ON_DESKTOP));
    this.desktopPresets.hidden = !this.presets.length;
    this.phonePresets.replaceChildren(...buttons(PRESETS_ON_PHONE), this.byHand);
  }

  private presetButton(preset: Preset, at: number): HTMLElement {
    return el(
      "button",
      {
        type: "button",
        "data-preset": at,
        "aria-pressed": "false",
        title: `${preset.name} (${at + 1})`,
        onclick: () => this.active().setWindow(preset.center, preset.width),
      },
      preset.name,
    );
  }
}
