import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Call } from "../src/call/call";
import type { Seat } from "../src/call/wire";
import { Showing } from "../src/showing";
import { Reading } from "../src/showing/reading";
import { Led, type Look } from "../src/viewer/led";
import { seat } from "./exchange";

const as = (who: string, role: string): [string, Seat] => [who, { ...seat(who, []), role }];
const look = (frame: number): Look => ({ study: "1.2", series: "1.2.3", instance: "1.2.3.4", frame });

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("tells the room what is looked at, the last look of each interval, seldom while the line is weak", () => {
  const told: unknown[] = [];
  let [may, everyMs] = [false, 1_000];
  const reading = new Reading(
    (one) => may && told.push(one) > 0,
    () => everyMs,
  );
  reading.say(look(0));
  vi.advanceTimersByTime(3_500);
  may = true; // the call has begun meanwhile
  vi.advanceTimersByTime(5_000);
  expect(told.splice(0)).toEqual([look(0)]);
  const walk = (): unknown[] => {
    for (let frame = 1; frame <= 20; frame += 1) {
      reading.say(look(frame));
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(5_000);
    return told.splice(0).map((one) => (one as { frame: number }).frame);
  };
  expect(walk()).toEqual([1, 10, 20]);
  everyMs = 200;
  expect(walk()).toEqual([1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  reading.withdraw();
  reading.withdraw();
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([{}]);
});

describe("beside the films of a call", () => {
  let told: unknown[];
  let shown: Look[];
  let seats: Map<string, Seat>;
  let showing: Showing;
  let led: Led;
  let host: HTMLElement;
  const words = (): string => (led.element.hidden ? "" : led.element.textContent);
  const button = (): HTMLButtonElement => led.element.querySelector("button") as HTMLButtonElement;
  const own = (frame: number): boolean =>
    host.dispatchEvent(new CustomEvent("viewer:look", { detail: look(frame), bubbles: true }));
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1_500);

  const begin = (mine: string): void => {
    const seen: Look[] = [];
    [told, shown] = [[], seen]; // viewers of earlier tests still listen to the page
    seats = new Map([as("me", mine), as("wang", "specialist"), as("li", "member")]);
    const call = {
      phase: "in", me: "me", seats, grants: new Set(["share"]), sendsVideo: true, receivesVideo: true,
      tell: (_: string, body: Look) => told.push(body),
    }; // prettier-ignore
    host = document.createElement("div");
    host.dataset.viewer = "";
    document.body.replaceChildren(host);
    led = new Led(host, (one) => {
      seen.push(one);
      return Promise.resolve(one.series === "1.2.3");
    });
    host.append(led.element);
    showing = new Showing(call as unknown as Call);
    led.begin();
  };
  beforeEach(() => begin("requester"));
  afterEach(() => showing.stop());

  it("whoever asks follows the specialist by themselves, and tells nothing of their own meanwhile", async () => {
    own(1);
    await settle();
    showing.hear(look(7), "wang");
    own(2); // what the viewer shows by following
    await settle();
    expect(shown).toEqual([look(7)]);
    expect(told).toEqual([look(1), {}]);
    expect(words()).toContain("You follow wang.");
    showing.hear({ ...look(8), series: "9" }, "wang");
    await settle();
    expect(words()).toContain("wang looks at films that are not open here.");
  });

  it("a tap on the film ends it, another on the button begins it again where the other is now", async () => {
    showing.hear(look(7), "wang");
    await settle();
    host.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true }));
    own(2);
    showing.hear(look(8), "wang");
    await settle();
    expect([shown, told]).toEqual([[look(7)], [look(2)]]);
    expect(words()).toContain("wang shows films in the call.");
    button().click();
    await settle();
    expect(shown).toEqual([look(7), look(8)]);
    expect(told).toEqual([look(2), {}]);
    button().click();
    showing.hear(look(9), "wang");
    await settle();
    expect(shown).toEqual([look(7), look(8)]);
  });

  it("nobody comes between while a specialist shows films; afterwards they may be followed, by a tap", async () => {
    showing.hear(look(7), "wang");
    showing.hear(look(3), "li");
    await settle();
    expect(shown).toEqual([look(7)]);
    showing.hear({}, "wang");
    expect(words()).toBe("");
    showing.hear(look(3), "li");
    await settle();
    expect([shown, words()]).toEqual([[look(7)], "li shows films in the call.Follow"]);
    seats.delete("li");
    showing.update();
    expect(words()).toBe("");
  });

  it("a specialist follows only by their own tap", async () => {
    showing.stop();
    begin("specialist");
    showing.hear(look(7), "wang");
    own(1);
    await settle();
    expect([shown, told]).toEqual([[], [look(1)]]);
    button().click();
    await settle();
    expect(shown).toEqual([look(7)]);
  });

  it("films that were put away are looked at by nobody, until they are opened again", async () => {
    own(1);
    await settle();
    showing.close(document);
    own(2); // a viewer that is hidden says where it stands once more
    await settle();
    expect(told).toEqual([look(1), {}]);
    showing.watch(document);
    own(3);
    await settle();
    expect(told.at(-1)).toEqual(look(3));
  });

  it("a late viewer is told, of many looks it shows the last, and after the call nobody leads", async () => {
    showing.hear({ ...look(7), participant: "wang" }, ""); // what the room kept
    for (const frame of [8, 9, 10]) showing.hear(look(frame), "wang");
    await settle();
    expect(shown).toEqual([look(7), look(10)]);
    led.begin();
    await settle();
    expect(shown.at(-1)).toEqual(look(10));
    showing.stop();
    expect(words()).toBe("");
  });
});
