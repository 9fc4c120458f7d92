import { describe, expect, it } from "vitest";
import { paletteNumbers, prepared } from "../src/viewer/prepare";

const never = (): Promise<ArrayBuffer> => Promise.reject(new Error("nothing to fetch"));

describe("metadata for the loader", () => {
  it("keeps the window's function whole and the original untouched", async () => {
    const meta = { "00281056": { vr: "CS", Value: ["SIGMOID"] }, "00080060": { vr: "CS", Value: ["MG"] } };
    expect((await prepared(meta, never))["00281056"]?.Value).toEqual([["SIGMOID"]]);
    expect(meta["00281056"].Value).toEqual(["SIGMOID"]);
  });
  it("names a modality where the film has none", async () => {
    expect((await prepared({}, never))["00080060"]?.Value).toEqual(["OT"]);
  });
  it("brings palettes as numbers, inline or fetched", async () => {
    const meta = {
      "00280004": { vr: "CS", Value: ["PALETTE COLOR"] },
      "00281101": { vr: "US", Value: [2, 0, 16] },
      "00281201": { vr: "OW", InlineBinary: btoa("\u0001\u0000\u0000\u0001") },
      "00281202": { vr: "OW", BulkDataURI: "bulk/1" },
    };
    const made = await prepared(meta, () => Promise.resolve(new Uint8Array([2, 0, 3, 0]).buffer));
    expect(made["00281201"]?.Value).toEqual([1, 256]);
    expect(made["00281202"]?.Value).toEqual([2, 3]);
  });
  it("reads palettes of one byte an entry", () => {
    expect(paletteNumbers(new Uint8Array([7, 8, 9]).buffer, 3)).toEqual([7, 8, 9]);
  });
});
