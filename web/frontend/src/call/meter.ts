/** How loud the microphone is, from 0 to 1; and a tone to try the loudspeaker with. */

const EVERY_MS = 80;
const FLOOR_DB = -60;

/** Loudness of samples in [-1, 1] as people hear it: 0 at -60 dB and below, 1 at full scale. */
export function loudness(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index += 1) sum += (samples[index] ?? 0) ** 2;
  const level = Math.sqrt(sum / Math.max(1, samples.length));
  if (level <= 0) return 0;
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(level)) / FLOOR_DB));
}

/** Follow a track; call what is returned to stop. */
export function follow(track: MediaStreamTrack, heard: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    heard(loudness(samples));
  }, EVERY_MS);
  // Without a tap a browser may keep the context asleep; the first touch wakes it.
  const wake = (): void => void context.resume();
  addEventListener("pointerdown", wake, { once: true });
  return () => {
    clearInterval(timer);
    removeEventListener("pointerdown", wake);
    source.disconnect();
    void context.close();
  };
}

/** Three rising notes on the chosen loudspeaker; done when they have sounded. */
export async function playTone(sinkId: string): Promise<void> {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const sound = new Audio();
  sound.srcObject = out.stream;
  if (sinkId && "setSinkId" in sound) await sound.setSinkId(sinkId).catch(() => undefined);
  const notes = [392, 494, 587];
  const gain = context.createGain();
  gain.gain.value = 0.25;
  gain.connect(out);
  notes.forEach((frequency, index) => {
    const note = context.createOscillator();
    note.frequency.value = frequency;
    note.connect(gain);
    note.start(context.currentTime + index * 0.3);
    note.stop(context.currentTime + index * 0.3 + 0.28);
  });
  await sound.play();
  await new Promise((resolve) => setTimeout(resolve, notes.length * 300 + 100));
  sound.srcObject = null;
  await context.close();
}
