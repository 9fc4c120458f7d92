/** Metadata as Cornerstone's loader can read it: a copy, for its eyes only; what people are shown comes from the original. */

import { numbers, text, type DicomJson } from "./films";

const PALETTES = ["00281201", "00281202", "00281203"] as const;
type Fetch = (address: string) => Promise<ArrayBuffer>;

export async function prepared(meta: DicomJson, fetchBulk: Fetch): Promise<DicomJson> {
  const copy: DicomJson = { ...meta };
  // Cornerstone 5.14 takes the first *letter* of the function's name and then refuses the film ("Invalid VOI LUT function").
  const voiFunction = text(meta, "00281056");
  if (voiFunction) copy["00281056"] = { vr: "CS", Value: [[voiFunction]] };
  // It also asks what the modality includes without asking whether there is one.
  if (!text(meta, "00080060")) copy["00080060"] = { vr: "CS", Value: ["OT"] };
  if (text(meta, "00280004") === "PALETTE COLOR") await addPalettes(copy, fetchBulk);
  return copy;
}

/** Palettes are binary, inline or by address; the loader wants numbers. Source: DICOM PS3.3 C.7.6.3.1.5 and .6. */
async function addPalettes(meta: DicomJson, fetchBulk: Fetch): Promise<void> {
  const entries = numbers(meta, "00281101")[0] || 65536;
  await Promise.all(
    PALETTES.map(async (tag) => {
      const element = meta[tag];
      if (!element || element.Value?.length) return;
      const bytes = element.InlineBinary
        ? Uint8Array.from(atob(element.InlineBinary), (letter) => letter.charCodeAt(0)).buffer
        : element.BulkDataURI
          ? await fetchBulk(element.BulkDataURI)
          : null;
      if (bytes) meta[tag] = { vr: "US", Value: paletteNumbers(bytes, entries) };
    }),
  );
}

/** 16-bit little-endian words, or bytes where there is one byte an entry. */
export function paletteNumbers(bytes: ArrayBuffer, entries: number): number[] {
  if (bytes.byteLength < entries * 2) return [...new Uint8Array(bytes)].slice(0, entries);
  const view = new DataView(bytes);
  return Array.from({ length: entries }, (_, at) => view.getUint16(at * 2, true));
}
