/** The visible switch for old eyes: 18, 22 or 30 px, remembered on this device. */

export const TEXT_SIZES_PX = [16, 18, 22, 30] as const;
const KEY = "textsize";

/** What is remembered, or null. A browser may forbid storage: then nothing is. */
export function rememberedTextSize(): number | null {
  try {
    const size = Number(localStorage.getItem(KEY));
    return (TEXT_SIZES_PX as readonly number[]).includes(size) ? size : null;
  } catch {
    return null;
  }
}

export function applyTextSize(): void {
  const size = rememberedTextSize();
  if (size !== null) document.documentElement.style.fontSize = `${size}px`;
}

export function rememberTextSize(sizePx: number): void {
  document.documentElement.style.fontSize = `${sizePx}px`;
  try {
    localStorage.setItem(KEY, String(sizePx));
  } catch {
    // Private windows: the size holds for this page.
  }
}
