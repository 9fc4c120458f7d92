import { describe, expect, it } from "vitest";
import { fetchOrder, gradient, runs } from "../src/viewer/arrivals";
import { edges, letters, towards } from "../src/viewer/orientation";
import { bounds, centerWidth, isAt, presetsFor, presetsInFilm, shown } from "../src/viewer/windows";

describe("windows", () => {
  it("survive the way to bounds and back", () => {
    for (const [center, width] of [
      [40, 400],
      [-600, 1500],
      [0.5, 1],
    ] as const) {
      const { lower, upper } = bounds(center, width);
      expect(centerWidth(lower, upper)).toEqual({ center, width });
    }
  });
  it("of a film keep its names and drop what is no window", () => {
    expect(presetsInFilm([40, 0], [400, 0], ["Soft"]).map((preset) => preset.name)).toEqual(["Soft"]);
  });
  it("of CT begin with the lung", () => {
    const [lung] = presetsFor("CT");
    expect(lung && isAt(lung, -600.2, 1500.4)).toBe(true);
    expect(presetsFor("MR")).toEqual([]);
  });
  it("are written with a real minus", () => expect(shown(-600)).toBe("−600"));
});

describe("sides of the patient", () => {
  it("name an axial slice as seen from the feet", () => {
    expect(edges([1, 0, 0], [0, 1, 0])).toEqual({ top: "A", bottom: "P", left: "R", right: "L" });
  });
  it("name two letters for an oblique direction and one for a slight tilt", () => {
    expect(letters([0.7, 0.71, 0])).toBe("PL");
    expect(letters([0.99, 0.1, 0])).toBe("L");
  });
  it("need a length to point somewhere", () => expect(towards([1, 1, 1], [1, 1, 1])).toEqual([0, 0, 0]));
});

describe("arrivals", () => {
  it("become runs and a gradient", () => {
    expect(runs([true, true, false, true])).toEqual([
      { from: 0, to: 50, here: true },
      { from: 50, to: 75, here: false },
      { from: 75, to: 100, here: true },
    ]);
    expect(gradient([], "bottom")).toContain("var(--missing)");
    expect(gradient([true, false], "right")).toBe(
      "linear-gradient(to right, var(--arrived) 0.0% 50.0%, var(--missing) 50.0% 100.0%)",
    );
  });
  it("are fetched nearest first, inside the series", () => {
    expect(fetchOrder(5, 1, 9)).toEqual([2, 0, 3, 4]);
    expect(fetchOrder(5, 2, 1)).toEqual([3, 1]);
  });
});
