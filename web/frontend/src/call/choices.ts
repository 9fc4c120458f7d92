/** What a person chose, kept for this tab, so that a reload is a rejoin. A browser may forbid storage: then nothing is kept. */

export interface Choices {
  /** In the call now: the page goes straight back in. */
  joined: boolean;
  audio: boolean;
  video: boolean;
  microphone: string;
  camera: string;
  speaker: string;
}

const NONE: Choices = { joined: false, audio: true, video: true, microphone: "", camera: "", speaker: "" };
const key = (call: string): string => `call:${call}`;

export function recall(call: string): Choices {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(key(call)) ?? "{}");
    const found: Choices = { ...NONE };
    if (typeof kept === "object" && kept !== null)
      for (const [name, value] of Object.entries(kept as Record<string, unknown>))
        if (name in NONE && typeof value === typeof NONE[name as keyof Choices])
          Object.assign(found, { [name]: value });
    return found;
  } catch {
    return { ...NONE };
  }
}

export function keep(call: string, choices: Partial<Choices>): void {
  try {
    sessionStorage.setItem(key(call), JSON.stringify({ ...recall(call), ...choices }));
  } catch {
    // Private windows: then a reload asks again.
  }
}
