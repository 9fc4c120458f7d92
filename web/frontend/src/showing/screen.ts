/**
 * A shared screen. Where the browser gives its sound with it, that is mixed into the outgoing voice: it needs no place of its
 * own in the connection, and goes first wherever a voice does. Loaded only where screens are shared; must not know the call.
 */

import { t } from "../i18n";

/** Two sounds at once stay below what would be cut off. */
const BESIDE_A_VOICE = 0.7;

/** Newer than the types: this page's own voices are left out of the sound, and nobody hears themselves. */
type Wishes = DisplayMediaStreamOptions & {
  audio: MediaTrackConstraints & { restrictOwnAudio: boolean };
  selfBrowserSurface: "exclude";
  systemAudio: "include" | "exclude";
};

function wishes(): Wishes {
  const known = navigator.mediaDevices.getSupportedConstraints() as { restrictOwnAudio?: boolean };
  return {
    video: { frameRate: { max: 15 } },
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, restrictOwnAudio: true },
    selfBrowserSurface: "exclude",
    systemAudio: known.restrictOwnAudio ? "include" : "exclude",
  };
}

/** Ask the person for a screen. Rejects when they change their mind; null where the browser gives no picture. */
export async function askForScreen(changed: () => void): Promise<Screen | null> {
  const stream = await navigator.mediaDevices.getDisplayMedia(wishes());
  const picture = stream.getVideoTracks()[0];
  if (picture) return new Screen(picture, stream.getAudioTracks()[0] ?? null, changed);
  for (const track of stream.getTracks()) track.stop();
  return null;
}

export class Screen {
  private context: AudioContext | null = null;
  private mixed: MediaStreamAudioDestinationNode | null = null;
  private spoken: MediaStreamAudioSourceNode | null = null;

  /** @param changed The person ended the share or its sound in the browser's own bar. */
  constructor(
    readonly picture: MediaStreamTrack,
    private readonly sound: MediaStreamTrack | null,
    changed: () => void,
  ) {
    picture.contentHint = "detail";
    for (const track of [picture, sound]) track?.addEventListener("ended", changed);
    if (!sound) return;
    this.context = new AudioContext();
    this.mixed = new MediaStreamAudioDestinationNode(this.context, { channelCount: 1, channelCountMode: "explicit" });
    const level = new GainNode(this.context, { gain: BESIDE_A_VOICE });
    this.context
      .createMediaStreamSource(new MediaStream([sound]))
      .connect(level)
      .connect(this.mixed);
    void this.context.resume();
  }

  get isOver(): boolean {
    return this.picture.readyState === "ended";
  }

  get hasSound(): boolean {
    return this.sound?.readyState === "live";
  }

  /** What the others get, for whoever shares. */
  get words(): string {
    return this.hasSound
      ? t("The others see your screen and hear its sound, also while your microphone is off.")
      : t("The others see your screen. It came without sound.");
  }

  get wordToStop(): string {
    return this.hasSound ? t("Stop sharing picture and sound") : t("Stop sharing");
  }

  /** What goes out as the voice: the microphone, with the sound of the screen where there is one. */
  voice(microphone: MediaStreamTrack | null): MediaStreamTrack | null {
    this.spoken?.disconnect();
    this.spoken = null;
    if (!this.context || !this.mixed || !this.hasSound) return microphone;
    if (microphone) {
      this.spoken = this.context.createMediaStreamSource(new MediaStream([microphone]));
      this.spoken.connect(this.mixed);
    }
    return this.mixed.stream.getAudioTracks()[0] ?? microphone;
  }

  stop(): void {
    this.picture.stop();
    this.sound?.stop();
    void this.context?.close();
    this.context = this.mixed = null;
  }
}
