/** What has happened in the call, in one sentence for the person; "" where nothing need be said. */

import { t } from "../i18n";
import type { Told } from "./call";
import type { RoomNews } from "./room";

export function words(told: Told): string {
  switch (told.what) {
    case "back":
      return t("You are back in the call");
    case "paused":
      return t(
        "Your network is weak: your picture is paused. You are still heard, and the picture comes back by itself.",
      );
    case "shown":
      return t("Your network is better: the others see you again.");
    case "shared":
      return told.words;
    case "refused": // a colleague was quicker at the door: what was wanted has happened
      return told.code === "not_waiting" ? "" : told.detail;
    case "unplugged":
      if (told.now) return t("That device is gone. Now in use: {name}", { name: told.now });
      return told.input === "audio"
        ? t("The microphone is gone. The others do not hear you now.")
        : t("The camera is gone. The others still hear you.");
    default:
      return ofPeople(told);
  }
}

function ofPeople({ what, name }: RoomNews): string {
  switch (what) {
    case "came":
      return t("{name} has come in", { name });
    case "left":
      return t("{name} has left", { name });
    case "removed":
      return t("{name} is no longer in the call", { name });
    case "hand":
      return t("{name} raises a hand", { name });
    case "knock":
      return t("{name} waits at the door", { name });
  }
}
