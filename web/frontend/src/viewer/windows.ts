/** Windows: presets by modality and body part, and the arithmetic between centre/width and lower/upper. */

import { t } from "../i18n";

export interface Preset {
  name: string;
  center: number;
  width: number;
}

/** What readers of this modality expect on keys 1 to 6. */
export function presetsFor(modality: string): Preset[] {
  if (modality === "CT")
    return [
      { name: t("Lung"), center: -600, width: 1500 },
      { name: t("Mediastinum"), center: 40, width: 350 },
      { name: t("Bone"), center: 400, width: 2000 },
      { name: t("Brain"), center: 40, width: 80 },
      { name: t("Abdomen"), center: 50, width: 400 },
    ];
  return [];
}

/** Presets the film brings along: pairs of window centre and width with their explanations. */
export function presetsInFilm(centers: number[], widths: number[], names: string[]): Preset[] {
  return centers
    .map((center, at) => ({
      center,
      width: widths[at] ?? 0,
      name: names[at] ?? (at ? t("Window {n}", { n: at + 1 }) : t("As taken")),
    }))
    .filter((preset) => preset.width >= 1)
    .slice(0, 3);
}

// DICOM PS3.3 C.11.2.1.2: LINEAR maps centre - 0.5 ± (width - 1) / 2.
export function bounds(center: number, width: number): { lower: number; upper: number } {
  const half = (Math.max(1, width) - 1) / 2;
  return { lower: center - 0.5 - half, upper: center - 0.5 + half };
}

export function centerWidth(lower: number, upper: number): { center: number; width: number } {
  return { center: (lower + upper) / 2 + 0.5, width: upper - lower + 1 };
}

export function shown(value: number): string {
  const digits = Math.abs(value) < 10 && !Number.isInteger(value) ? 2 : 0;
  return value.toFixed(digits).replace("-", "−");
}

/** Is the window at this preset, within what rounding does? */
export function isAt(preset: Preset, center: number, width: number): boolean {
  return Math.abs(preset.center - center) < 1 && Math.abs(preset.width - width) < 1.5;
}
