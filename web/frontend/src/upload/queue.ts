/** The line of files: two at a time, on through reloads and breaks, each one followed until the server has judged it. */

import { DetailedError, Upload, type PreviousUpload } from "tus-js-client";
import { csrfToken, inPageLanguage, Refusal, sendJson } from "../http";
import { t } from "../i18n";
import {
  fingerprint,
  FIRST_CHUNK_BYTES,
  nextChunk,
  judgement,
  worthRetrying,
  type Judgement,
  type Picked,
  type Verdict,
} from "./files";
import { firstLook } from "./order";
import { ChecksumStack } from "./stack";

export type State = "waiting" | "sending" | "offline" | "checking" | "verified" | "refused" | "stopped";

export interface Item {
  picked: Picked;
  mark: string;
  state: State;
  reason: string;
  sentBytes: number;
  verdicts: Verdict[];
  upload: Upload | null;
}

interface Options {
  endpoint: string;
  reference: string;
  changed(): void;
  judged(item: Item, verdict: Verdict): void;
}

const TOGETHER = 2;
const RETRY_DELAYS_MS = [0, 1000, 3000, 8000, 15000];
const OFFLINE_RETRY_MS = 20_000;
const POLL_MS = [200, 500, 1000, 2000, 3000];
const MOST_REMEMBERED = 2000;

export class Queue {
  readonly items: Item[] = [];
  private readonly done: Set<string>;
  private chunkBytes = FIRST_CHUNK_BYTES;
  private offlineTimer = 0;

  constructor(private readonly options: Options) {
    this.done = new Set(this.remembered());
    addEventListener("online", () => this.again());
    addEventListener("beforeunload", (event) => {
      // Only while bytes are on the line: what waits can be chosen again and loses nothing.
      if (this.items.some((item) => item.state === "sending")) event.preventDefault();
    });
  }

  /** Put files into the line. A file that is there already, or was verified before, is not sent twice. */
  add(picked: Picked[]): void {
    const known = new Set(this.items.map((item) => item.mark));
    for (const one of firstLook(picked)) {
      const mark = fingerprint(this.options.reference, one);
      if (known.has(mark)) continue;
      known.add(mark);
      const item: Item = { picked: one, mark, state: "waiting", reason: "", sentBytes: 0, verdicts: [], upload: null };
      if (one.file.size === 0) this.refuse(item, t("The file is empty."));
      else if (this.done.has(mark)) this.recall(item);
      this.items.push(item);
    }
    this.pump();
  }

  retry(item: Item): void {
    item.state = "waiting";
    item.reason = "";
    item.verdicts = [];
    this.pump();
  }

  /** Take a file out of the line; what was sent of it is deleted on the server. */
  remove(item: Item): void {
    const at = this.items.indexOf(item);
    if (at >= 0) this.items.splice(at, 1);
    const unfinished = item.upload && item.state !== "verified";
    if (unfinished) void item.upload?.abort(item.upload.url !== null).catch(() => undefined);
    this.pump();
  }

  again(): void {
    clearTimeout(this.offlineTimer);
    this.offlineTimer = 0;
    for (const item of this.items) if (item.state === "offline") item.state = "waiting";
    this.pump();
  }

  private pump(): void {
    let running = this.items.filter((item) => item.state === "sending").length;
    for (const item of this.items) {
      if (running >= TOGETHER) break;
      if (item.state !== "waiting") continue;
      running += 1;
      item.state = "sending";
      void this.send(item);
    }
    this.options.changed();
  }

  private async send(item: Item): Promise<void> {
    const { file, path } = item.picked;
    let started = Date.now();
    const upload = new Upload(file, {
      endpoint: this.options.endpoint,
      chunkSize: this.chunkBytes,
      retryDelays: RETRY_DELAYS_MS,
      httpStack: new ChecksumStack(),
      headers: { "X-CSRF-Token": csrfToken(), ...inPageLanguage() },
      metadata: { filename: file.name, filetype: file.type, reference: this.options.reference, relative_path: path },
      fingerprint: () => Promise.resolve(item.mark),
      removeFingerprintOnSuccess: true,
      onShouldRetry: (error) => worthRetrying(statusOf(error)),
      onProgress: (sent) => {
        item.sentBytes = sent;
        this.options.changed();
      },
      onChunkComplete: (bytes) => {
        this.chunkBytes = nextChunk(bytes, Date.now() - started);
        upload.options.chunkSize = this.chunkBytes;
        started = Date.now();
      },
      onSuccess: () => void this.judge(item),
      onError: (error) => this.failed(item, error),
    });
    item.upload = upload;
    const previous: PreviousUpload[] = await upload.findPreviousUploads();
    const latest = previous.sort((a, b) => b.creationTime.localeCompare(a.creationTime))[0];
    if (latest) upload.resumeFromPreviousUpload(latest);
    started = Date.now();
    upload.start();
  }

  private failed(item: Item, error: Error | DetailedError): void {
    if (!this.items.includes(item)) return;
    const status = statusOf(error);
    if (worthRetrying(status)) {
      item.state = "offline";
      item.reason = t("The line is broken. It goes on by itself.");
      this.offlineTimer ||= window.setTimeout(() => this.again(), OFFLINE_RETRY_MS);
    } else {
      item.state = "stopped";
      item.reason = reasonIn(error) || t("The server did not take it (code {code}).", { code: status ?? 0 });
    }
    this.pump();
  }

  /** Ask until the server has judged every file of this upload. */
  private async judge(item: Item): Promise<void> {
    item.state = "checking";
    item.sentBytes = item.picked.file.size;
    this.pump();
    for (let round = 0; this.items.includes(item); round += 1) {
      const found = await this.ask(item);
      if (found?.settled) {
        this.settle(item, found.files);
        return;
      }
      if (found && found.total > 1) {
        item.reason = t("{n} of {total} files in it checked", { n: found.done, total: found.total });
        this.options.changed();
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS[Math.min(round, POLL_MS.length - 1)]));
    }
  }

  private async ask(item: Item): Promise<Judgement | null> {
    try {
      return judgement(await sendJson("GET", item.upload?.url ?? this.options.endpoint));
    } catch (error) {
      if (error instanceof Refusal && !worthRetrying(error.status))
        return {
          settled: true,
          done: 1,
          total: 1,
          files: [{ name: item.picked.file.name, state: "refused", reason: error.message, studyUid: "" }],
        };
      return null;
    }
  }

  private settle(item: Item, found: Verdict[]): void {
    // What a CD carries beside the films is nobody's concern.
    item.verdicts = found.filter((verdict) => verdict.state !== "skipped");
    const refused = item.verdicts.filter((verdict) => verdict.state === "refused");
    const total = item.verdicts.length;
    item.reason = "";
    if (total === 1) item.reason = refused[0]?.reason ?? "";
    else if (refused.length) item.reason = t("{n} of {total} files in it were refused", { n: refused.length, total });
    else if (!total) item.reason = found[0]?.reason || t("There was no film or document in it.");
    item.state = refused.length < total ? "verified" : "refused";
    if (item.state === "verified") this.remember(item.mark);
    for (const verdict of item.verdicts) this.options.judged(item, verdict);
    this.pump();
  }

  private refuse(item: Item, reason: string): void {
    item.state = "refused";
    item.reason = reason;
    item.verdicts = [{ name: item.picked.file.name, state: "refused", reason, studyUid: "" }];
  }

  private recall(item: Item): void {
    item.state = "verified";
    item.sentBytes = item.picked.file.size;
    item.verdicts = [{ name: item.picked.file.name, state: "verified", reason: "", studyUid: "" }];
  }

  private get doneKey(): string {
    return `upload-done:${this.options.reference}`;
  }

  private remembered(): string[] {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(this.doneKey) ?? "[]");
      return Array.isArray(kept) ? kept.map(String) : [];
    } catch {
      return [];
    }
  }

  private remember(mark: string): void {
    this.done.add(mark);
    try {
      localStorage.setItem(this.doneKey, JSON.stringify([...this.done].slice(-MOST_REMEMBERED)));
    } catch {
      // A full or forbidden storage only costs a second look at the file.
    }
  }
}

function statusOf(error: Error | DetailedError): number | null {
  return error instanceof DetailedError ? (error.originalResponse?.getStatus() ?? null) : 400;
}

function reasonIn(error: Error | DetailedError): string {
  if (!(error instanceof DetailedError)) return "";
  try {
    const body = JSON.parse(error.originalResponse?.getBody() ?? "") as { detail?: unknown };
    return typeof body.detail === "string" ? body.detail : "";
  } catch {
    return "";
  }
}

/** Uploads of this consult that a reload or crash cut off: they go on when the same files are chosen again. */
export function interrupted(reference: string): number {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(`tus::upload|${reference}|`)).length;
  } catch {
    return 0;
  }
}
