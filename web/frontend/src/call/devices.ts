/** The person's microphone and camera: opened one by one where need be, changed under way, noticed when unplugged. */

import { troubleOf, type Need, type Trouble } from "./trouble";

export type Input = "audio" | "video";

const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
};
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export interface DeviceEvents {
  /** A track came, went or was replaced. */
  changed: (input: Input, track: MediaStreamTrack | null) => void;
  /** The device in use was unplugged; `now` names what took its place, null when nothing did. */
  unplugged: (input: Input, now: string | null) => void;
  /** There are other devices to choose from now. */
  listed: () => void;
}

/** Whether this browser can do calls at all: found out by what is there, not by its name. */
export function canCall(): boolean {
  return typeof RTCPeerConnection === "function" && typeof WebSocket === "function";
}

/** Whether cameras and microphones can be asked for here. */
export function hasCamera(): boolean {
  return media() !== null;
}

function media(): MediaDevices | null {
  // Pages over plain HTTP and some built-in browsers have none, whatever the types say.
  const found = (navigator as Partial<Navigator>).mediaDevices;
  return found && typeof (found as Partial<MediaDevices>).getUserMedia === "function" ? found : null;
}

export class Devices {
  readonly tracks: Record<Input, MediaStreamTrack | null> = { audio: null, video: null };
  readonly trouble: Record<Input, Trouble | null> = { audio: null, video: null };
  /** Chosen device ids; empty is the browser's choice. */
  readonly chosen: Record<Input, string> = { audio: "", video: "" };
  facing: "user" | "environment" = "user";
  list: MediaDeviceInfo[] = [];
  private readonly onChange = (): void => void this.relist();

  constructor(private readonly events: DeviceEvents) {
    media()?.addEventListener("devicechange", this.onChange);
  }

  of(kind: MediaDeviceKind): MediaDeviceInfo[] {
    return this.list.filter((device) => device.kind === kind && device.deviceId !== "");
  }

  /** Which of the two keeps the person waiting, and why; null when both are there or not wanted. */
  problem(wanted: Record<Input, boolean>): { trouble: Trouble; need: Need } | null {
    const audio = wanted.audio ? this.trouble.audio : null;
    const video = wanted.video ? this.trouble.video : null;
    if (audio && video && audio === video) return { trouble: audio, need: "both" };
    if (audio) return { trouble: audio, need: "microphone" };
    return video ? { trouble: video, need: "camera" } : null;
  }

  /** Open what is wanted; each that fails leaves its reason in `trouble`, the other still works. */
  async open(wanted: Record<Input, boolean>): Promise<void> {
    const inputs = (["audio", "video"] as const).filter((input) => wanted[input] && !this.tracks[input]);
    if (inputs.length === 0) return;
    if (inputs.length === 2 && (await this.tryBoth())) {
      await this.relist();
      return;
    }
    for (const input of inputs) await this.openOne(input);
    await this.relist();
  }

  /** Change to another device, or turn the phone's camera round; the old track goes on until the new one is there. */
  async choose(input: Input, id: string): Promise<void> {
    this.chosen[input] = id;
    await this.replace(input);
  }

  async turnRound(): Promise<void> {
    this.facing = this.facing === "user" ? "environment" : "user";
    this.chosen.video = "";
    await this.replace("video");
  }

  /** Let go of a device: its light goes off. */
  close(input: Input): void {
    const track = this.tracks[input];
    if (!track) return;
    this.tracks[input] = null;
    track.stop();
    this.events.changed(input, null);
  }

  dispose(): void {
    media()?.removeEventListener("devicechange", this.onChange);
    this.close("audio");
    this.close("video");
  }

  // ---------------------------------------------------------------- inside
  private constraints(input: Input): MediaTrackConstraints {
    const id = this.chosen[input];
    const base = input === "audio" ? MICROPHONE : { ...CAMERA, facingMode: this.facing };
    return id ? { ...base, deviceId: { exact: id } } : base;
  }

  private async tryBoth(): Promise<boolean> {
    try {
      const stream = await media()?.getUserMedia({
        audio: this.constraints("audio"),
        video: this.constraints("video"),
      });
      if (!stream) return false;
      this.adopt("audio", stream.getAudioTracks()[0]);
      this.adopt("video", stream.getVideoTracks()[0]);
      return true;
    } catch {
      return false; // each alone tells which one it is
    }
  }

  private async openOne(input: Input): Promise<void> {
    const found = media();
    if (!found) {
      this.trouble[input] = isSecureContext ? "unsupported" : "insecure";
      return;
    }
    try {
      this.adopt(input, await this.grab(found, input));
    } catch (error) {
      const why = troubleOf(error);
      if (this.chosen[input] && why === "none") {
        // The device of last time is not there today.
        this.chosen[input] = "";
        await this.openOne(input);
        return;
      }
      this.trouble[input] = why === "denied" && (await isUndecided(input)) ? "dismissed" : why;
    }
  }

  private async grab(from: MediaDevices, input: Input): Promise<MediaStreamTrack | undefined> {
    const stream = await from.getUserMedia({ [input]: this.constraints(input) });
    return stream.getTracks()[0];
  }

  private adopt(input: Input, track: MediaStreamTrack | undefined): void {
    if (!track) {
      this.trouble[input] = "broken";
      return;
    }
    const old = this.tracks[input];
    this.tracks[input] = track;
    this.trouble[input] = null;
    if (input === "video") track.contentHint = "motion";
    track.addEventListener("ended", () => void this.lost(input, track));
    this.events.changed(input, track);
    old?.stop();
  }

  private async replace(input: Input): Promise<void> {
    const found = media();
    if (!found) return;
    // Phones and some drivers open a camera only once.
    if (input === "video") this.tracks.video?.stop();
    try {
      this.adopt(input, await this.grab(found, input));
    } catch (error) {
      this.trouble[input] = troubleOf(error);
      if (input === "video" && this.tracks.video?.readyState === "ended") {
        this.tracks.video = null;
        this.events.changed("video", null);
      }
    }
  }

  private async lost(input: Input, track: MediaStreamTrack): Promise<void> {
    if (this.tracks[input] !== track) return;
    this.tracks[input] = null;
    this.chosen[input] = "";
    await this.openOne(input);
    const now = this.current(input);
    if (!now) this.events.changed(input, null);
    await this.relist();
    this.events.unplugged(input, now?.label ?? null);
  }

  private current(input: Input): MediaStreamTrack | null {
    return this.tracks[input];
  }

  private async relist(): Promise<void> {
    this.list = (await media()?.enumerateDevices()) ?? [];
    this.events.listed();
  }
}

/** Whether the person closed the question without an answer, so that asking again makes sense. */
async function isUndecided(input: Input): Promise<boolean> {
  try {
    const name = (input === "audio" ? "microphone" : "camera") as PermissionName;
    return (await navigator.permissions.query({ name })).state === "prompt";
  } catch {
    return false; // Firefox before 132 knows no such permission
  }
}
