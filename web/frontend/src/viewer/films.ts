/** Pure reading of DICOM JSON: what studies, series and films there are, in which order, and which of them are pictures. */

export type DicomJson = Record<string, { vr?: string; Value?: unknown[]; BulkDataURI?: string; InlineBinary?: string }>;

export interface Study {
  uid: string;
  date: string; // YYYY-MM-DD or ""
  time: string; // HH:MM or ""
  description: string;
  prior: boolean;
  series: Series[];
}

export interface Series {
  uid: string;
  study: Study;
  modality: string;
  number: number;
  description: string;
  count: number;
}

/** One thing to show: a frame of an instance. Frames count from 1. */
export interface Film {
  study: string;
  series: string;
  instance: string;
  frame: number;
  frames: number;
  imageId: string;
  meta: DicomJson;
}

export function text(meta: DicomJson, tag: string): string {
  const value = meta[tag]?.Value?.[0];
  if (typeof value === "string") return value.trim();
  if (typeof value === "number") return String(value);
  return "";
}

export function numbers(meta: DicomJson, tag: string): number[] {
  return (meta[tag]?.Value ?? []).map(Number).filter((value) => Number.isFinite(value));
}

export function number(meta: DicomJson, tag: string, otherwise = 0): number {
  return numbers(meta, tag)[0] ?? otherwise;
}

/** A person's name as it is spoken: ideographic where there is one, carets as spaces. Chinese names are not split. */
export function personName(meta: DicomJson, tag = "00100010"): string {
  const value = meta[tag]?.Value?.[0];
  if (typeof value === "string") return value.replace(/=.*$/, "").replace(/\^+/g, " ").trim();
  if (typeof value !== "object" || value === null) return "";
  const groups = value as { Ideographic?: string; Alphabetic?: string };
  if (groups.Ideographic) return groups.Ideographic.replace(/\^+/g, "").trim();
  return (groups.Alphabetic ?? "").replace(/\^+/g, " ").trim();
}

/** DA -> 2026-11-20; what is not a date stays away rather than being guessed. */
export function dateText(da: string): string {
  const parts = /^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$/.exec(da);
  return parts ? `${parts[1] ?? ""}-${parts[2] ?? ""}-${parts[3] ?? ""}` : "";
}

/** TM -> 09:12. */
export function timeText(tm: string): string {
  const parts = /^(\d{2}):?(\d{2})/.exec(tm);
  return parts ? `${parts[1] ?? ""}:${parts[2] ?? ""}` : "";
}

// DICOM PS3.6: SOP classes that are no pictures to window and measure on.
const PLAIN: [RegExp, Kind][] = [
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.88\.59$/, "key-object"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.88\./, "report"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.104\./, "document"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.9\./, "waveform"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.11\./, "presentation"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.66/, "segmentation"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.77\.1\.[124]\.1$/, "video"],
];

export type Kind =
  "image" | "key-object" | "report" | "document" | "waveform" | "presentation" | "segmentation" | "video" | "other";

export function kindOf(meta: DicomJson): Kind {
  const sopClass = text(meta, "00080016");
  for (const [pattern, kind] of PLAIN) if (pattern.test(sopClass)) return kind;
  // MPEG and HEVC streams are not frames a browser can be asked for one by one.
  if (/^1\.2\.840\.10008\.1\.2\.4\.10[0-8]/.test(text(meta, "00083002") || text(meta, "00020010"))) return "video";
  return number(meta, "00280010") > 0 && number(meta, "00280011") > 0 ? "image" : "other";
}

/** Instances in reading order: by instance number, then by place in the body, then by UID. */
export function inOrder(instances: DicomJson[]): DicomJson[] {
  const place = (meta: DicomJson): number => {
    const at = numbers(meta, "00200032");
    const along = numbers(meta, "00200037");
    if (at.length !== 3 || along.length !== 6) return 0;
    const normal = cross(along.slice(0, 3), along.slice(3));
    return dot(at, normal);
  };
  return [...instances].sort(
    (a, b) =>
      number(a, "00200013") - number(b, "00200013") ||
      place(a) - place(b) ||
      text(a, "00080018").localeCompare(text(b, "00080018")),
  );
}

/** Every frame of every picture among the instances, in order. */
export function filmsOf(root: string, instances: DicomJson[]): Film[] {
  return inOrder(instances)
    .filter((meta) => kindOf(meta) === "image")
    .flatMap((meta) => {
      const [study, series, instance] = [text(meta, "0020000D"), text(meta, "0020000E"), text(meta, "00080018")];
      const frames = Math.max(1, number(meta, "00280008", 1));
      return Array.from({ length: frames }, (_, index) => ({
        study,
        series,
        instance,
        frame: index + 1,
        frames,
        meta,
        imageId: `wadors:${root}/studies/${study}/series/${series}/instances/${instance}/frames/${index + 1}`,
      }));
    });
}

export function seriesOf(study: Study, rows: DicomJson[]): Series[] {
  return rows
    .map((row) => ({
      uid: text(row, "0020000E"),
      study,
      modality: text(row, "00080060"),
      number: number(row, "00200011"),
      description: text(row, "0008103E"),
      count: number(row, "00201209"),
    }))
    .filter((series) => series.uid)
    .sort((a, b) => a.number - b.number || a.uid.localeCompare(b.uid));
}

/** Which studies are priors: those named so; else what is older than the newest by more than two days. */
export function markPriors(studies: Study[], named: readonly string[]): void {
  const newest = Math.max(...studies.map((study) => Date.parse(study.date) || 0));
  const twoDaysMs = 2 * 24 * 3600 * 1000;
  for (const study of studies) {
    const day = Date.parse(study.date);
    study.prior = named.length ? named.includes(study.uid) : Number.isFinite(day) && newest - day > twoDaysMs;
  }
  studies.sort((a, b) => Number(a.prior) - Number(b.prior) || b.date.localeCompare(a.date));
}

export function cross(a: number[], b: number[]): [number, number, number] {
  const [ax = 0, ay = 0, az = 0] = a;
  const [bx = 0, by = 0, bz = 0] = b;
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}

export function dot(a: number[], b: number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

/** Where a film lies along its own normal, in mm; null without geometry. */
export function positionOf(meta: DicomJson): number | null {
  const at = numbers(meta, "00200032");
  const along = numbers(meta, "00200037");
  return at.length === 3 && along.length === 6 ? dot(at, cross(along.slice(0, 3), along.slice(3))) : null;
}

/**
 * Which film of the other series belongs beside this one.
 *
 * By place in the body when both lie in one frame of reference; else by the same share of the way.
 */
export function besideIndex(films: Film[], index: number, others: Film[]): number {
  const film = films[index];
  const first = others[0];
  if (!film || !first) return 0;
  const here = positionOf(film.meta);
  const sameSpace = text(film.meta, "00200052") !== "" && text(film.meta, "00200052") === text(first.meta, "00200052");
  if (here !== null && sameSpace && film.frames === 1) {
    let best = 0;
    let least = Infinity;
    others.forEach((other, at) => {
      const there = positionOf(other.meta);
      const distance = there === null ? Infinity : Math.abs(there - here);
      if (distance < least) [best, least] = [at, distance];
    });
    if (least < Infinity) return best;
  }
  return films.length < 2 ? 0 : Math.round((index / (films.length - 1)) * (others.length - 1));
}

/** Frames a second for a loop: what the film recommends, within what a screen can show. */
export function cineRate(meta: DicomJson): number {
  const said = number(meta, "00082144") || number(meta, "00180040");
  const frameTimeMs = number(meta, "00181063");
  const rate = said || (frameTimeMs > 0 ? 1000 / frameTimeMs : 15);
  return Math.min(60, Math.max(1, Math.round(rate)));
}

/** A patient's age as DICOM writes it (067Y), in years, months, weeks or days. */
export function age(meta: DicomJson): { value: number; unit: "Y" | "M" | "W" | "D" } | null {
  const parts = /^(\d{3})([YMWD])$/.exec(text(meta, "00101010"));
  return parts ? { value: Number(parts[1]), unit: parts[2] as "Y" | "M" | "W" | "D" } : null;
}

// Modalities whose series hold no pictures: no thumbnail is asked for, and they are not opened first.
const WITHOUT_PICTURES = new Set([
  "SR",
  "KO",
  "PR",
  "DOC",
  "SEG",
  "RTSTRUCT",
  "RTPLAN",
  "RTRECORD",
  "ECG",
  "HD",
  "AU",
  "REG",
  "FID",
]);

export function mayHavePictures(series: Series): boolean {
  return !WITHOUT_PICTURES.has(series.modality);
}
