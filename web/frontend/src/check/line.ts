/** Measures the line to the house: how far, how wide both ways, and whether a WebSocket gets through. */

import { csrfToken } from "../http";
import { socketAddress } from "../call/session";
import { median, type Line } from "./judge";

const PINGS = 5;
const FIRST_BYTES = 32 * 1024;
const MOST_BYTES = 2 * 1024 * 1024;
/** A trial that took this long says enough. */
const LONG_ENOUGH_MS = 800;
const PATIENCE_MS = 10_000;
const SOCKET_MS = 8_000;

/** @throws TypeError when the house cannot be reached at all. */
export async function measureLine(address: string): Promise<Line> {
  const pings: number[] = [];
  for (let count = 0; count < PINGS; count += 1) pings.push(await timed(() => fetch(`${address}?size=0`, FRESH)));
  const down = await widening((bytes) => download(`${address}?size=${bytes}`));
  const up = await widening((bytes) => upload(address, bytes));
  return { roundTripMs: median(pings), down, up };
}

/** Whether the call's WebSocket opens. */
export async function socketOpens(path: string): Promise<boolean> {
  const socket = new WebSocket(socketAddress(path, location.href));
  const opened = await new Promise<boolean>((resolve) => {
    socket.addEventListener("open", () => resolve(true));
    socket.addEventListener("error", () => resolve(false));
    socket.addEventListener("close", () => resolve(false));
    setTimeout(() => resolve(false), SOCKET_MS);
  });
  socket.close();
  return opened;
}

const FRESH: RequestInit = { cache: "no-store", credentials: "same-origin" };

/** Ever larger loads until one takes long enough to be believed. Bits a second of the last one. */
async function widening(carry: (bytes: number) => Promise<{ bytes: number; ms: number }>): Promise<number> {
  let size = FIRST_BYTES;
  for (;;) {
    const { bytes, ms } = await carry(size);
    if (ms >= LONG_ENOUGH_MS || size >= MOST_BYTES || bytes < size) return (bytes * 8000) / Math.max(1, ms);
    size = Math.min(MOST_BYTES, size * 8);
  }
}

async function download(url: string): Promise<{ bytes: number; ms: number }> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  const begun = performance.now();
  let bytes = 0;
  try {
    const reader = (await fetch(url, { ...FRESH, signal: patience.signal })).body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) bytes += part.value.length;
  } catch (error) {
    if (!patience.signal.aborted) throw error; // what came within the time counts
  } finally {
    clearTimeout(timer);
  }
  return { bytes, ms: performance.now() - begun };
}

async function upload(url: string, size: number): Promise<{ bytes: number; ms: number }> {
  const load = new Uint8Array(size);
  // Noise, so that nothing on the way makes it smaller; the browser gives 64 KiB at once.
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(load.subarray(at, Math.min(size, at + 65_536)));
  const request = new XMLHttpRequest(); // it says how much has left, fetch does not
  let bytes = 0;
  request.upload.addEventListener("progress", (event) => (bytes = event.loaded));
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const done = (): void => resolve({ bytes, ms: performance.now() - begun });
    request.addEventListener("load", () => {
      bytes = size;
      done();
    });
    request.addEventListener("timeout", done);
    request.addEventListener("error", () => reject(new TypeError("the upload broke")));
    request.timeout = PATIENCE_MS;
    request.open("POST", url);
    request.setRequestHeader("X-CSRF-Token", csrfToken());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(load);
  });
}

async function timed(done: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await done();
  return performance.now() - begun;
}
