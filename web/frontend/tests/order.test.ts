import { describe, expect, it } from "vitest";
import type { Picked } from "../src/upload/files";
import { firstLook } from "../src/upload/order";

const files = (folder: string, count: number): Picked[] =>
  Array.from({ length: count }, (_, place) => ({ file: new File(["x"], "x"), path: `${folder}IM${place + 1}` }));

describe("the order of files", () => {
  it("begins in the middle, goes all through the series, and sends everything once", () => {
    const all = files("CT/", 500);
    const order = firstLook(all).map(({ path }) => Number(path.slice(5)));
    expect(order[0]).toBe(251);
    const look = order.slice(0, 16);
    expect(Math.max(...look) - Math.min(...look)).toBeGreaterThan(420);
    const sorted = [...look].sort((a, b) => a - b);
    expect(Math.max(...sorted.slice(1).map((one, place) => one - (sorted[place] ?? 0)))).toBe(32);
    expect(new Set(order).size).toBe(500);
    expect(order.slice(16, 20).every((one) => Math.abs(one - 251) < 6)).toBe(true);
  });

  it("looks at every series before it fills any", () => {
    const order = firstLook([...files("A/", 100), ...files("B/", 100)]).map(({ path }) => path[0]);
    expect(order.slice(0, 40)).toContain("B");
  });

  it("leaves a few files as they were chosen", () => {
    const few = [...files("", 3)].reverse();
    expect(firstLook(few)).toEqual(few);
  });
});
