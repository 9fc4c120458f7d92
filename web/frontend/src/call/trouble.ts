/** Pure: what keeps a camera or microphone from us, and the plain way on, in the words of this person's browser. */

import { t } from "../i18n";

/** `denied` by the person or a policy, `dismissed` without an answer, `busy` in another program, `none` plugged in,
 * `insecure` page without HTTPS, `unsupported` browser, `broken` for the rest. */
export type Trouble = "denied" | "dismissed" | "busy" | "none" | "insecure" | "unsupported" | "broken";
export type Need = "camera" | "microphone" | "both";
export type Browser = "wechat" | "ios" | "android" | "firefox" | "safari" | "edge" | "chromium";

/** What an error of getUserMedia means. */
export function troubleOf(error: unknown): Trouble {
  const name = error instanceof DOMException || error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return "denied";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "none";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    case "SecurityError":
      return "insecure";
    default:
      return "broken";
  }
}

/** Only to choose words: what works is found out by trying. */
export function browserOf(agent: string): Browser {
  if (/MicroMessenger/i.test(agent)) return "wechat";
  if (/iPhone|iPad|iPod/.test(agent)) return "ios";
  if (/Android/.test(agent)) return "android";
  if (/Firefox\//.test(agent)) return "firefox";
  if (/Edg\//.test(agent)) return "edge";
  if (/Chrome\//.test(agent)) return "chromium";
  return /Safari\//.test(agent) ? "safari" : "chromium";
}

/** Short code for the phone with the IT department. */
export function codeOf(trouble: Trouble, need: Need): string {
  const order: Trouble[] = ["denied", "dismissed", "busy", "none", "insecure", "unsupported", "broken"];
  return `MEDIA-${need === "both" ? 0 : need === "camera" ? 1 : 2}${order.indexOf(trouble) + 1}`;
}

export function headline(trouble: Trouble, need: Need): string {
  const at = { camera: 0, microphone: 1, both: 2 }[need];
  const words: Record<Trouble, [string, string, string]> = {
    denied: [
      t("The camera is not allowed yet"),
      t("The microphone is not allowed yet"),
      t("Camera and microphone are not allowed yet"),
    ],
    dismissed: [
      t("The camera is not allowed yet"),
      t("The microphone is not allowed yet"),
      t("Camera and microphone are not allowed yet"),
    ],
    busy: [
      t("Another program is using the camera"),
      t("Another program is using the microphone"),
      t("Another program is using camera and microphone"),
    ],
    none: [t("No camera was found"), t("No microphone was found"), t("No camera or microphone was found")],
    insecure: [
      t("This address does not allow a camera"),
      t("This address does not allow a microphone"),
      t("This address does not allow camera and microphone"),
    ],
    unsupported: [
      t("This browser cannot make video calls"),
      t("This browser cannot make video calls"),
      t("This browser cannot make video calls"),
    ],
    broken: [
      t("The camera did not start"),
      t("The microphone did not start"),
      t("Camera and microphone did not start"),
    ],
  };
  return words[trouble][at] ?? words[trouble][2];
}

/** What still works: said before anything else. */
export function stillWorks(need: Need): string {
  if (need === "camera")
    return t("You can join now all the same: the others will hear you. You can switch the camera on later.");
  if (need === "microphone")
    return t(
      "You can join now all the same: the others will see you and you hear them. You can switch the microphone on later.",
    );
  return t("You can join now all the same: you see and hear the others and can write. You can switch both on later.");
}

/** The steps to mend it, in order. */
export function steps(trouble: Trouble, browser: Browser): string[] {
  switch (trouble) {
    case "denied":
      return allow(browser);
    case "dismissed":
      return [t("Press “Try again”"), t("When the browser asks, press “Allow”")];
    case "busy":
      return [t("Close other programs with video, such as meetings or a camera app"), t("Press “Try again”")];
    case "none":
      return [t("Plug it in, or check that it is switched on"), t("Press “Try again”")];
    case "insecure":
      return [
        t("Open the page by its address that begins with https://"),
        t("Ask your IT department for this address if you do not have it"),
      ];
    case "unsupported":
      return [t("Copy the link"), t("Open it in the newest Chrome, Edge, Firefox or Safari")];
    case "broken":
      return [t("Unplug it and plug it in again, or restart the browser"), t("Press “Try again”")];
  }
}

function allow(browser: Browser): string[] {
  switch (browser) {
    case "ios":
      return [
        t("Tap “AA” or the small page sign beside the address"),
        t("Tap “Website settings” and allow camera and microphone"),
        t("Come back and press “Try again”"),
      ];
    case "android":
      return [
        t("Tap the sign to the left of the address"),
        t("Tap “Permissions” and switch camera and microphone on"),
        t("Come back and press “Try again”"),
      ];
    case "firefox":
      return [
        t("Press the crossed-out camera or microphone to the left of the address"),
        t("Press the × beside “Blocked”"),
        t("Press “Try again” and then “Allow”"),
      ];
    case "safari":
      return [
        t("Open Safari, Settings for this website"),
        t("Set camera and microphone to “Allow”"),
        t("Press “Try again”"),
      ];
    default:
      return [
        t("Press the sign to the left of the address"),
        t("Set microphone and camera to “Allow”"),
        t("Press “Try again”"),
      ];
  }
}
