/** What the viewer asks the archive for. Paths follow DICOM PS3.18. */

import { dateText, seriesOf, text, timeText, type DicomJson, type Film, type Series, type Study } from "./films";

export class Archive {
  /** @param root Root of the DICOMweb service as an absolute address without a slash at the end. */
  constructor(readonly root: string) {}

  static at(address: string): Archive {
    return new Archive(new URL(address, location.href).href.replace(/\/+$/, ""));
  }

  /** One study with its series. An empty answer (not there, or not ours to see) is null. */
  async study(uid: string): Promise<Study | null> {
    const query = new URLSearchParams({ StudyInstanceUID: uid, limit: "1" });
    const [rows, series] = await Promise.all([
      this.json(`/studies?${query.toString()}`),
      this.json(`/studies/${encodeURIComponent(uid)}/series`),
    ]);
    const row = rows[0];
    if (!row && !series.length) return null;
    const study: Study = {
      uid,
      date: dateText(text(row ?? {}, "00080020")),
      time: timeText(text(row ?? {}, "00080030")),
      description: text(row ?? {}, "00081030"),
      prior: false,
      series: [],
    };
    study.series = seriesOf(study, series);
    return study;
  }

  metadata(series: Series, signal?: AbortSignal): Promise<DicomJson[]> {
    return this.json(`${this.path(series)}/metadata`, signal);
  }

  /** The instance in the middle of a series, for a first picture while the metadata is under way. */
  async middleInstance(series: Series, signal?: AbortSignal): Promise<string> {
    const offset = Math.max(0, Math.floor((series.count - 1) / 2));
    const rows = await this.json(`${this.path(series)}/instances?limit=1&offset=${offset}`, signal);
    return text(rows[0] ?? {}, "00080018");
  }

  thumbnail(series: Series): string {
    return `${this.root}${this.path(series)}/thumbnail`;
  }

  rendered(series: Series, instance: string, sizePx: number, frame = 1, frames = 1): string {
    const of = frames > 1 ? `/frames/${frame}` : "";
    return `${this.root}${this.path(series)}/instances/${instance}${of}/rendered?viewport=${sizePx},${sizePx}`;
  }

  renderedFilm(film: Film, sizePx: number): string {
    const of = film.frames > 1 ? `/frames/${film.frame}` : "";
    return `${this.root}/studies/${film.study}/series/${film.series}/instances/${film.instance}${of}/rendered?viewport=${sizePx},${sizePx}`;
  }

  instance(meta: DicomJson): string {
    return `${this.root}/studies/${text(meta, "0020000D")}/series/${text(meta, "0020000E")}/instances/${text(meta, "00080018")}`;
  }

  /** Bytes that metadata only points at. Another host's address is not followed. */
  readonly bulk = async (address: string): Promise<ArrayBuffer> => {
    const url = new URL(address, `${this.root}/`);
    if (url.origin !== new URL(this.root).origin) throw new Error("The address leads elsewhere");
    const response = await fetch(url, { headers: { Accept: "application/octet-stream" }, credentials: "same-origin" });
    if (!response.ok) throw new Error(`${response.status} bulk data`);
    return response.arrayBuffer();
  };

  private path(series: Series): string {
    return `/studies/${series.study.uid}/series/${series.uid}`;
  }

  private async json(path: string, signal?: AbortSignal): Promise<DicomJson[]> {
    const response = await fetch(this.root + path, {
      headers: { Accept: "application/dicom+json" },
      credentials: "same-origin",
      signal: signal ?? null,
    });
    if (response.status === 204 || response.status === 404) return [];
    if (!response.ok) throw new Error(`${response.status} ${path}`);
    const rows: unknown = await response.json();
    return Array.isArray(rows) ? (rows as DicomJson[]) : [];
  }
}
