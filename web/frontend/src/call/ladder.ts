/** Pure: the rungs of the media ladder, what the person may choose, and why the picture is gone. */

import { t } from "../i18n";
import type { Choice } from "./wire";

/** A rung that a person may choose by hand, with the exchange's word for it. */
export const rungs = (): { choice: Choice; label: string }[] => [
  { choice: "auto", label: t("Automatic") },
  { choice: "high", label: t("Sharp video") },
  { choice: "low", label: t("Small video") },
  { choice: "stills", label: t("Voice and stills") },
  { choice: "voice", label: t("Voice only") },
];

const WITHOUT_VIDEO = new Set(["stills", "voice", "text"]);

export const hasVideo = (tier: string): boolean => !WITHOUT_VIDEO.has(tier);

/** On which rungs the network lets this person stand: what is sent of them, and what they are sent. */
export interface Network {
  sends: string;
  receives: string;
  /** This computer has no time for large pictures; the network is not to blame. */
  busy: boolean;
}

export const UNHINDERED: Network = { sends: "high", receives: "high", busy: false };

/** What a word about the ladder changes; a rung that the person chose says nothing about the network. */
export function afterTier(now: Network, word: { tier: string; reason: string }): Network {
  if (word.reason === "uplink") return { ...now, sends: word.tier };
  if (word.reason === "computer") return { ...now, busy: word.tier !== "high" };
  return word.reason === "downlink" ? { ...now, receives: word.tier } : now;
}

/** The rung that counts for receiving: a person's choice, or else the network's. */
export const receiving = (network: Network, choice: Choice): string => (choice === "auto" ? network.receives : choice);

/** The rung that stands for a tier of the exchange. */
export function rungOf(tier: string): Choice {
  if (tier === "medium") return "low";
  if (tier === "text") return "voice";
  return rungs().some((rung) => rung.choice === tier) ? (tier as Choice) : "auto";
}

/** What stands in place of the picture. */
export function whyNoVideo(tier: string, chosen: boolean): { title: string; text: string } {
  if (chosen)
    return {
      title: t("You chose to receive voice only"),
      text: t("Nothing is wrong. Choose “Automatic” to see the others again."),
    };
  if (tier === "stills")
    return {
      title: t("The network is weak: voice and stills"),
      text: t("Films and results are not affected. Video comes back by itself when the network is better."),
    };
  return {
    title: t("The network is weak: voice only"),
    text: t("Films and results are not affected. Video comes back by itself when the network is better."),
  };
}
