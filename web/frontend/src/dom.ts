/** Building elements by hand: text is always text, never markup. */

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

/**
 * Make an element. A function under `onname` listens; `true` sets an empty attribute; `false`, `null` and `undefined` leave it out.
 * Inline styles do not pass the content security policy: set them through `element.style`.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of the page's Lucide sprite; always beside a word, so it is hidden from readers. */
export function icon(name: string, small = false): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", small ? "icon icon-small" : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.documentElement.dataset.icons ?? "/static/icons.svg"}#${name}`);
  svg.append(use);
  return svg;
}

/** A JSON list of texts in a data attribute; anything else is an empty list. */
export function listIn(text: string | undefined): string[] {
  if (!text) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
  } catch {
    return [];
  }
}

/** A JSON block of the page: `<script type="application/json" id=…>`. */
export function jsonBlock(selector: string | undefined): unknown {
  const text = selector ? document.querySelector(selector)?.textContent : null;
  if (!text) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

export function announce(element: HTMLElement, name: string, detail: object): void {
  element.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}
