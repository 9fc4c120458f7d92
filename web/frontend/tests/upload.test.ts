import { describe, expect, it } from "vitest";
import { fingerprint, isJunk, judgement, nextChunk, Rate, rateText, worthRetrying } from "../src/upload/files";

const KIB = 1024;

it("leaves out what systems put beside the films", () => {
  for (const path of ["CD/.DS_Store", "Thumbs.db", "__MACOSX/a", "x/__MACOSX/y", "AUTORUN.INF"])
    expect(isJunk(path)).toBe(true);
  for (const path of ["DICOMDIR", "A/IM0001", "a.b.dcm"]) expect(isJunk(path)).toBe(false);
});

it("knows the same file again, in the same consult only", () => {
  const file = new File(["abc"], "a.dcm", { lastModified: 7 });
  const mark = fingerprint("C1", { file, path: "d/a.dcm" });
  expect(mark).toBe(fingerprint("C1", { file: new File(["xyz"], "a.dcm", { lastModified: 7 }), path: "d/a.dcm" }));
  expect(mark).not.toBe(fingerprint("C2", { file, path: "d/a.dcm" }));
});

describe("the next piece", () => {
  it("grows on good lines, at most twofold, up to 8 MiB", () => {
    let bytes = 256 * KIB;
    const sizes = Array.from({ length: 8 }, () => (bytes = nextChunk(bytes, 50)));
    expect(sizes[0]).toBe(512 * KIB);
    expect(sizes.at(-1)).toBe(8 * KIB * KIB);
  });
  it("shrinks on weak lines, but not below 64 KiB", () => {
    expect(nextChunk(256 * KIB, 8_000)).toBe(128 * KIB);
    expect(nextChunk(64 * KIB, 60_000)).toBe(64 * KIB);
  });
});

it("says the rate as lines are sold", () => {
  const rate = new Rate();
  rate.add(0, 0);
  rate.add(2000, 1_050_000);
  expect(rateText(rate.perSecond())).toBe("4.2\u00a0Mbit/s");
});

describe("the server's judgement", () => {
  it("waits while it is receiving, verifying or a file is pending", () => {
    expect(judgement({ state: "verifying", files: [] }).settled).toBe(false);
    expect(judgement({ files: [{ name: "a", state: "pending" }] }).settled).toBe(false);
    expect(judgement({ state: "done", files: [{ name: "a", fate: "verified" }] }).settled).toBe(true);
  });
  it("keeps reasons and takes nonsense for nothing", () => {
    expect(
      judgement({ files: [{ name: "a", state: "refused", reason: "No film." }, 7] }).files.map((file) => file.state),
    ).toEqual(["refused", "pending"]);
    expect(judgement({ files: "x" }).files).toEqual([]);
  });
});

it("tries again what may pass, and not what was refused", () => {
  expect([null, 500, 503, 409, 423, 429, 460].map(worthRetrying)).toEqual(Array(7).fill(true));
  expect([400, 401, 403, 404, 413, 415].map(worthRetrying)).toEqual(Array(6).fill(false));
});
