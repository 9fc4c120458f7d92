/** Pure decisions of uploading: which files count, how one is recognised again, how big the next piece is, what to say. */

export interface Picked {
  file: File;
  /** Path inside the folder that was chosen; the name alone for single files. */
  path: string;
}

// What systems put into folders and onto CDs beside the films.
const JUNK = /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini|autorun\.inf|__MACOSX(\/.*)?)$/i;

export function isJunk(path: string): boolean {
  return JUNK.test(path) || /(^|\/)__MACOSX\//.test(path);
}

/** The same file chosen again, after a reload or on another day, has the same mark: it goes on where it stopped. */
export function fingerprint(reference: string, picked: Picked): string {
  const { file, path } = picked;
  return ["upload", reference, path, file.size, file.lastModified].join("|");
}

const KIB = 1024;
export const FIRST_CHUNK_BYTES = 256 * KIB;
const LARGEST_CHUNK_BYTES = 8 * KIB * KIB;
const AIM_MS = 3000;

/**
 * The next piece's size: what the line carried in about three seconds, at most doubled or quartered at once.
 * A break costs at most one piece, so weak lines get small ones.
 */
export function nextChunk(bytes: number, tookMs: number): number {
  const fair = (bytes / Math.max(1, tookMs)) * AIM_MS;
  const bounded = Math.min(bytes * 2, Math.max(bytes / 4, fair));
  const whole = Math.round(bounded / (64 * KIB)) * 64 * KIB;
  return Math.min(LARGEST_CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES / 4, whole));
}

/** Bytes a second over the last ten seconds. */
export class Rate {
  private readonly marks: { at: number; bytes: number }[] = [];

  add(at: number, bytes: number): void {
    this.marks.push({ at, bytes });
    while (this.marks.length > 2 && at - (this.marks[0]?.at ?? at) > 10_000) this.marks.shift();
  }

  perSecond(): number {
    const [first, last] = [this.marks[0], this.marks.at(-1)];
    if (!first || !last || last.at - first.at < 500) return 0;
    return Math.max(0, ((last.bytes - first.bytes) / (last.at - first.at)) * 1000);
  }
}

/** 4.2 Mbit/s, as lines are sold. */
export function rateText(bytesPerSecond: number): string {
  const bits = bytesPerSecond * 8;
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)}\u00a0Mbit/s`;
  return `${Math.round(bits / 1e3)}\u00a0kbit/s`;
}

/** What became of one file of an upload; skipped is what a CD carries beside the films. */
export interface Verdict {
  name: string;
  state: "verified" | "refused" | "skipped" | "pending";
  reason: string;
  studyUid: string;
}

/** The server's answer about an upload: is it judged, and how far is it. */
export interface Judgement {
  settled: boolean;
  done: number;
  total: number;
  files: Verdict[];
}

type Answer = Record<string, unknown>;

function record(value: unknown): Answer {
  return typeof value === "object" && value !== null ? (value as Answer) : {};
}

function verdict(raw: unknown): Verdict {
  const file = record(raw);
  const text = (name: string): string => (typeof file[name] === "string" ? file[name] : "");
  const said = text("state") || text("fate");
  const state = said === "verified" || said === "refused" || said === "skipped" ? said : "pending";
  return { name: text("name"), state, reason: text("reason"), studyUid: text("study_uid") };
}

export function judgement(answer: Answer): Judgement {
  const files = Array.isArray(answer.files) ? answer.files.map(verdict) : [];
  const { done, total } = record(answer.progress);
  const busy = answer.state === "receiving" || answer.state === "verifying";
  return {
    settled: !busy && !files.some((file) => file.state === "pending"),
    done: Number(done) || 0,
    total: Number(total) || 0,
    files,
  };
}

/** May the same request be tried again? No answer at all, the server's trouble, or a piece that arrived damaged (460). */
export function worthRetrying(status: number | null): boolean {
  return status === null || status >= 500 || [408, 409, 423, 425, 429, 460].includes(status);
}
