/** The one entry of every page: finds elements with `data-module` and loads only what the page names. */

import { applyTextSize } from "./textsize";

type Module = { mount(element: HTMLElement): void | Promise<void> };

const MODULES: Record<string, () => Promise<Module>> = {
  autosave: () => import("./pages/autosave"),
  call: () => import("./call"),
  check: () => import("./check"),
  "confirm-once": () => import("./pages/confirm-once"),
  countdown: () => import("./pages/countdown"),
  "lab-form": () => import("./pages/lab-form"),
  live: () => import("./pages/live"),
  "password-toggle": () => import("./pages/password-toggle"),
  recording: () => import("./pages/recording"),
  "report-editor": () => import("./pages/report-editor"),
  textsize: () => import("./pages/textsize"),
  tour: () => import("./pages/tour"),
  upload: () => import("./upload"),
  viewer: () => import("./viewer"),
  "voice-clip": () => import("./pages/voice-clip"),
  worklist: () => import("./pages/worklist"),
};

const mounted = new WeakMap<HTMLElement, Set<string>>();

/** Mount every module under `root` that is not mounted yet. One that fails leaves the page as the server made it. */
export function mountAll(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-module]")) {
    const already = mounted.get(element) ?? new Set<string>();
    mounted.set(element, already);
    for (const name of (element.dataset.module ?? "").split(/\s+/).filter(Boolean)) {
      if (already.has(name)) continue;
      already.add(name);
      const load = MODULES[name];
      if (!load) {
        console.warn(`No script is called "${name}"`);
        continue;
      }
      load()
        .then((module) => module.mount(element))
        .catch((error: unknown) => {
          console.error(`The script "${name}" could not start`, error);
          element.dataset.moduleFailed = name;
        });
    }
  }
}

/** A page that answers a sent form has no address of its own: back and reload lead to the form it came from. */
function standOnTheForm(): void {
  if (document.documentElement.dataset.answer === "post" && document.referrer.startsWith(`${location.origin}/`))
    history.replaceState(null, "", document.referrer);
}

/** Most pages hold no unsent text: only then is its script loaded. */
async function settleUnsent(): Promise<void> {
  if (!Object.keys(sessionStorage).some((name) => name.startsWith("unsent:"))) return;
  (await import("./pages/unsent")).settle();
}

applyTextSize();
standOnTheForm();
settleUnsent().then(
  () => mountAll(document),
  () => mountAll(document),
);
