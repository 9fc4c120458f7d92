/** Pure: a recording's clock, what is on at a moment, and the address of a film's picture. Must not know the page. */

/** One file; seconds in the recording's time, which is also the file's own. */
export interface Stretch {
  fromS: number;
  untilS: number;
}

/** From `at` on, milliseconds since the recording begins to play, this film was on the screen of `who`. */
export interface Look {
  at: number;
  who: string;
  study?: string;
  series?: string;
  instance?: string;
  frame?: number;
  center?: number;
  width?: number;
  x?: number;
  y?: number;
}

export const isOn = ({ fromS, untilS }: Stretch, nowS: number): boolean => fromS <= nowS && nowS < untilS;

export function looksIn(value: unknown): Look[] {
  return Array.isArray(value) ? value.filter((one): one is Look => typeof (one as Look | null)?.at === "number") : [];
}

/** The look that holds at a moment: the last that began before it. */
export function lookAt(looks: readonly Look[], ms: number): Look | undefined {
  let [low, high] = [0, looks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((looks[middle]?.at ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  return looks[low - 1];
}

/** The server's picture of a film with the window it was looked at; "" where nothing was shown. */
export function pictureOf(root: string, look: Look | undefined, sizePx: number): string {
  if (!look?.study || !look.series || !look.instance) return "";
  const { study, series, instance, frame = 1, center, width } = look;
  const window = center === undefined || width === undefined ? "" : `&window=${center},${width},linear`;
  return `${root}/studies/${study}/series/${series}/instances/${instance}/frames/${frame}/rendered?viewport=${sizePx},${sizePx}${window}`;
}

export function clock(seconds: number): string {
  const whole = Math.floor(Math.max(0, seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** The time of all tracks: runs at a speed, or stands. */
export class Clock {
  private atS: number;
  private since: number | null = null;
  private speed = 1;

  constructor(
    private readonly fromS: number,
    private readonly untilS: number,
    private readonly now: () => number,
  ) {
    this.atS = fromS;
  }

  get runs(): boolean {
    return this.since !== null;
  }

  get nowS(): number {
    const gone = this.since === null ? 0 : ((this.now() - this.since) / 1000) * this.speed;
    return Math.min(this.untilS, this.atS + gone);
  }

  get over(): boolean {
    return this.nowS >= this.untilS;
  }

  get rate(): number {
    return this.speed;
  }

  set rate(speed: number) {
    this.goTo(this.nowS);
    this.speed = speed;
  }

  run(on: boolean): void {
    if (on === this.runs) return;
    this.atS = this.nowS;
    this.since = on ? this.now() : null;
  }

  goTo(seconds: number): void {
    this.atS = Math.min(this.untilS, Math.max(this.fromS, seconds));
    if (this.runs) this.since = this.now();
  }
}
