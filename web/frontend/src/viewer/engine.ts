/** The only file that knows how Cornerstone3D is set up: loaders, workers, tools and their bindings. */

import { cache, Enums, init as initCore, RenderingEngine, type Types } from "@cornerstonejs/core";
import { init as initLoader, wadors } from "@cornerstonejs/dicom-image-loader";
import {
  addTool,
  AngleTool,
  annotation,
  ArrowAnnotateTool,
  EllipticalROITool,
  Enums as ToolEnums,
  init as initTools,
  LengthTool,
  PanTool,
  StackScrollTool,
  ToolGroupManager,
  WindowLevelTool,
  ZoomTool,
} from "@cornerstonejs/tools";
import { t } from "../i18n";
import { number, type DicomJson, type Film } from "./films";
import { prepared } from "./prepare";

export type StackViewport = Types.IStackViewport;
export const FULL_QUALITY: number = Enums.ImageQualityStatus.FULL_RESOLUTION;

const ENGINE = "teleconsult";
const GROUP = "reading";
const { MouseBindings } = ToolEnums;

export const MOUSE_TOOLS = {
  window: WindowLevelTool.toolName as string,
  pan: PanTool.toolName as string,
  zoom: ZoomTool.toolName as string,
  scroll: StackScrollTool.toolName as string,
  length: LengthTool.toolName,
  angle: AngleTool.toolName,
  ellipse: EllipticalROITool.toolName,
  arrow: ArrowAnnotateTool.toolName,
} as const;
export type MouseTool = keyof typeof MOUSE_TOOLS;
/** Tools whose result is a statement about the film: they wait for full quality. */
export const MEASURING: ReadonlySet<MouseTool> = new Set(["length", "angle", "ellipse", "arrow"]);

type AskText = (take: (words: string) => void) => void;

export interface EngineOptions {
  cpu: boolean;
  small: boolean; // a phone: one worker, small cache
  askText: AskText;
}

export class Engine {
  private readonly rendering: RenderingEngine;
  private primary: MouseTool = "window";

  constructor(options: EngineOptions) {
    initCore({
      isMobile: options.small,
      rendering: { useCPURendering: options.cpu || !hasWebGL() },
      debug: {},
    });
    const cores = navigator.hardwareConcurrency || 2;
    initLoader({ maxWebWorkers: options.small ? 1 : Math.min(4, Math.max(1, Math.floor(cores / 2))) });
    cache.setMaxCacheSize((options.small ? 192 : 1024) * 1024 * 1024);
    initTools();
    this.addTools(options.askText);
    this.rendering = new RenderingEngine(ENGINE);
  }

  private addTools(askText: AskText): void {
    const group = ToolGroupManager.getToolGroup(GROUP) ?? ToolGroupManager.createToolGroup(GROUP);
    if (!group) throw new Error("No tool group");
    for (const tool of [
      WindowLevelTool,
      PanTool,
      ZoomTool,
      StackScrollTool,
      LengthTool,
      AngleTool,
      EllipticalROITool,
      ArrowAnnotateTool,
    ])
      addTool(tool);
    for (const name of Object.values(MOUSE_TOOLS)) group.addTool(name, toolConfiguration(name, askText));
    const { style } = annotation.config;
    const defaults = style.getDefaultToolStyles();
    style.setDefaultToolStyles({
      ...defaults,
      global: {
        ...defaults.global,
        color: "rgb(255, 224, 102)",
        colorHighlighted: "rgb(111, 208, 203)",
        colorSelected: "rgb(255, 224, 102)",
        colorLocked: "rgb(230, 235, 240)",
        lineWidth: "1.5",
        lineDash: "",
        shadow: true,
        textBoxFontFamily: "PingFang SC, Microsoft YaHei, Noto Sans CJK SC, system-ui, sans-serif",
        textBoxFontSize: "14px",
        textBoxColor: "rgb(255, 224, 102)",
        textBoxColorHighlighted: "rgb(111, 208, 203)",
        textBoxColorSelected: "rgb(255, 224, 102)",
        textBoxLinkLineWidth: "1",
        textBoxLinkLineDash: "2,3",
      },
    });
    this.use("window");
  }

  /** Give the primary button (and one finger) to a tool; the others keep their fixed buttons. */
  use(tool: MouseTool): void {
    const group = ToolGroupManager.getToolGroup(GROUP);
    if (!group) return;
    for (const name of Object.values(MOUSE_TOOLS)) group.setToolPassive(name, { removeAllBindings: true });
    group.setToolActive(MOUSE_TOOLS.scroll, { bindings: [{ mouseButton: MouseBindings.Wheel }] });
    group.setToolActive(MOUSE_TOOLS.pan, { bindings: [{ mouseButton: MouseBindings.Auxiliary }] });
    group.setToolActive(MOUSE_TOOLS.zoom, {
      bindings: [{ mouseButton: MouseBindings.Secondary }, { numTouchPoints: 2 }],
    });
    group.setToolActive(MOUSE_TOOLS[tool], {
      bindings: [{ mouseButton: MouseBindings.Primary }, { numTouchPoints: 1 }],
    });
    this.primary = tool;
  }

  get tool(): MouseTool {
    return this.primary;
  }

  /** Make an element a viewport for stacks of films. */
  enable(viewportId: string, element: HTMLDivElement): StackViewport {
    this.rendering.enableElement({
      viewportId,
      element,
      type: Enums.ViewportType.STACK,
      defaultOptions: { background: [0, 0, 0] },
    });
    ToolGroupManager.getToolGroup(GROUP)?.addViewport(viewportId, ENGINE);
    return this.rendering.getViewport<StackViewport>(viewportId);
  }

  disable(viewportId: string): void {
    ToolGroupManager.getToolGroup(GROUP)?.removeViewports(ENGINE, viewportId);
    this.rendering.disableElement(viewportId);
  }

  resize(): void {
    this.rendering.resize(true, true);
  }
}

/** Tell the loader what the films are; it asks for the metadata by image id. Frames of one instance share one description. */
export async function describe(
  films: readonly Film[],
  fetchBulk: (address: string) => Promise<ArrayBuffer>,
): Promise<void> {
  const known = new Map<DicomJson, Promise<DicomJson>>();
  for (const film of films) {
    const meta = known.get(film.meta) ?? prepared(film.meta, fetchBulk);
    known.set(film.meta, meta);
    wadors.metaDataManager.add(film.imageId, (await meta) as never);
  }
}

/** Does the picture have as many samples as its size says? A frame that was decoded wrongly must not be shown as the original. */
export function isWhole(
  image: { rows: number; columns: number; getPixelData(): ArrayLike<number> } | undefined,
  film: Film,
): boolean {
  if (!image) return false;
  const samples = number(film.meta, "00280002", 1);
  return image.getPixelData().length >= image.rows * image.columns * samples;
}

function toolConfiguration(name: string, askText: AskText): Record<string, unknown> {
  if (name === EllipticalROITool.toolName) return { getTextLines: ellipseText };
  if (name === ArrowAnnotateTool.toolName)
    return {
      getTextCallback: (done: (words: string) => void) => askText(done),
      changeTextCallback: (_data: unknown, _event: unknown, done: (words: string) => void) => askText(done),
    };
  return {};
}

interface EllipseStatistics {
  area?: number;
  mean?: number;
  stdDev?: number;
  areaUnit?: string;
  modalityUnit?: string;
}

export function ellipseText(data: { cachedStats?: Record<string, EllipseStatistics> }, target: string): string[] {
  const found = data.cachedStats?.[target];
  if (found?.mean === undefined) return [];
  const unit = found.modalityUnit && found.modalityUnit !== "raw" ? ` ${found.modalityUnit}` : "";
  const signed = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 1 : 0).replace("-", "−");
  return [
    `${signed(found.mean)} ± ${signed(found.stdDev ?? 0)}${unit}`,
    t("Area {value}", { value: `${(found.area ?? 0).toFixed(1)} ${found.areaUnit ?? ""}` }),
  ];
}

function hasWebGL(): boolean {
  try {
    return document.createElement("canvas").getContext("webgl2") !== null;
  } catch {
    return false;
  }
}
