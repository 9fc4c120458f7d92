import { describe, expect, it } from "vitest";
import {
  age,
  besideIndex,
  cineRate,
  dateText,
  filmsOf,
  inOrder,
  kindOf,
  markPriors,
  personName,
  timeText,
  type DicomJson,
  type Study,
} from "../src/viewer/films";

const value = (...values: unknown[]): { vr: string; Value: unknown[] } => ({ vr: "", Value: values });

function slice(number: number, z: number, more: DicomJson = {}): DicomJson {
  return {
    "00080018": value(`1.2.${number}`),
    "0020000D": value("1"),
    "0020000E": value("2"),
    "00200013": value(number),
    "00200032": value(0, 0, z),
    "00200037": value(1, 0, 0, 0, 1, 0),
    "00200052": value("9"),
    "00280010": value(512),
    "00280011": value(512),
    ...more,
  };
}

function study(uid: string, date: string): Study {
  return { uid, date, time: "", description: "", prior: false, series: [] };
}

describe("names, dates and ages", () => {
  it("prefers the ideographic name and never splits it", () => {
    expect(personName({ "00100010": value({ Alphabetic: "Gao^Shoutian", Ideographic: "高^守田" }) })).toBe("高守田");
    expect(personName({ "00100010": value({ Alphabetic: "Gao^Shoutian" }) })).toBe("Gao Shoutian");
    expect(personName({})).toBe("");
  });
  it("shows only what is a date or a time", () => {
    expect(dateText("20261120")).toBe("2026-11-20");
    expect(dateText("2026")).toBe("");
    expect(timeText("091233.5")).toBe("09:12");
    expect(age({ "00101010": value("003M") })).toEqual({ value: 3, unit: "M" });
    expect(age({ "00101010": value("old") })).toBeNull();
  });
});

describe("the order of films", () => {
  it("goes by instance number, then by place in the body", () => {
    const rows = [slice(2, 0), slice(1, 5), slice(1, -5)];
    expect(inOrder(rows).map((meta) => meta["00200032"]?.Value?.[2])).toEqual([-5, 5, 0]);
  });
  it("makes one film of every frame and leaves out what is no picture", () => {
    const report = { ...slice(3, 0), "00080016": value("1.2.840.10008.5.1.4.1.1.88.33") };
    const loop = slice(4, 0, { "00280008": value("3") });
    const films = filmsOf("https://x/dicomweb", [report, loop]);
    expect(films.map((film) => film.frame)).toEqual([1, 2, 3]);
    expect(films[2]?.imageId).toBe("wadors:https://x/dicomweb/studies/1/series/2/instances/1.2.4/frames/3");
  });
  it("knows what is no picture", () => {
    expect(kindOf({ "00080016": value("1.2.840.10008.5.1.4.1.1.104.1") })).toBe("document");
    expect(kindOf(slice(1, 0, { "00083002": value("1.2.840.10008.1.2.4.102") }))).toBe("video");
    expect(kindOf({})).toBe("other");
    expect(kindOf(slice(1, 0))).toBe("image");
  });
});

describe("priors", () => {
  it("are those older than the newest by more than two days", () => {
    const studies = [study("old", "2026-05-14"), study("yesterday", "2026-11-19"), study("new", "2026-11-20")];
    markPriors(studies, []);
    expect(studies.map(({ uid, prior }) => [uid, prior])).toEqual([
      ["new", false],
      ["yesterday", false],
      ["old", true],
    ]);
  });
  it("are those named so, when any are named; a study without a date is current", () => {
    const studies = [study("a", "2026-11-20"), study("b", "")];
    markPriors(studies, ["a"]);
    expect(studies.map(({ uid, prior }) => [uid, prior])).toEqual([
      ["b", false],
      ["a", true],
    ]);
  });
});

describe("walking together", () => {
  const now = filmsOf(
    "r",
    [0, 5, 10, 15, 20].map((z, at) => slice(at + 1, z)),
  );
  it("goes by place in one frame of reference", () => {
    const then = filmsOf(
      "r",
      [1, 11, 21].map((z, at) => slice(at + 1, z)),
    );
    expect(besideIndex(now, 2, then)).toBe(1);
    expect(besideIndex(now, 4, then)).toBe(2);
  });
  it("goes by the share of the way where spaces differ", () => {
    const then = filmsOf(
      "r",
      [0, 1, 2].map((z, at) => slice(at + 1, z, { "00200052": value("other") })),
    );
    expect([0, 1, 2, 3, 4].map((at) => besideIndex(now, at, then))).toEqual([0, 1, 1, 2, 2]);
    expect(besideIndex([], 0, then)).toBe(0);
  });
});

it("a loop plays at the film's own pace, within what a screen can show", () => {
  expect(cineRate({ "00181063": value("100") })).toBe(10);
  expect(cineRate({ "00180040": value("500") })).toBe(60);
  expect(cineRate({})).toBe(15);
});
