import { beforeEach, describe, expect, it, vi } from "vitest";
import { mount } from "../src/pages/recording";
import { Clock, clock, isOn, lookAt, looksIn, pictureOf, type Look } from "../src/pages/reel";

const film = { study: "1.2", series: "1.2.3", instance: "1.2.3.4" };
const looks: Look[] = [
  { at: 1_000, who: "沈若川", ...film, frame: 2, center: 40, width: 400 },
  { at: 5_000, who: "沈若川", ...film, frame: 3 },
  { at: 9_000, who: "" },
];

describe("a recording's clock and films", () => {
  it("finds what was looked at, and its picture with the window of then", () => {
    expect([0, 1_000, 4_999, 5_000, 90_000].map((ms) => lookAt(looks, ms)?.at)).toEqual([
      undefined,
      1_000,
      1_000,
      5_000,
      9_000,
    ]);
    expect(pictureOf("/dicomweb", looks[0], 768)).toBe(
      "/dicomweb/studies/1.2/series/1.2.3/instances/1.2.3.4/frames/2/rendered?viewport=768,768&window=40,400,linear",
    );
    expect(pictureOf("/dicomweb", looks[1], 768)).not.toContain("window");
    expect([pictureOf("/dicomweb", looks[2], 768), pictureOf("/dicomweb", undefined, 768)]).toEqual(["", ""]);
    expect(looksIn([...looks, null, { who: "x" }, "words"])).toEqual(looks);
    expect([clock(0), clock(61.9), clock(-1), clock(4_000)]).toEqual(["0:00", "1:01", "0:00", "66:40"]);
    expect(isOn({ fromS: 1, untilS: 2 }, 2)).toBe(false);
  });

  it("runs at its speed, stands, and never leaves its ends", () => {
    let ms = 0;
    const at = new Clock(10, 20, () => ms);
    at.run(true);
    ms = 2_000;
    expect(at.nowS).toBe(12);
    at.rate = 2;
    ms = 3_000;
    expect(at.nowS).toBe(14);
    at.run(false);
    ms = 9_000;
    expect(at.nowS).toBe(14);
    at.goTo(5);
    expect(at.nowS).toBe(10);
    at.goTo(19);
    at.run(true);
    ms = 60_000;
    expect([at.nowS, at.over]).toEqual([20, true]);
  });
});

describe("the player", () => {
  let host: HTMLElement;
  const video = (number: number): HTMLVideoElement => host.querySelectorAll("video")[number] as HTMLVideoElement;
  const key = (name: string): boolean =>
    host.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
  const time = (): string => host.querySelector("[data-recording-time]")?.textContent ?? "";

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
    vi.spyOn(HTMLMediaElement.prototype, "play").mockImplementation(function (this: HTMLMediaElement) {
      Object.defineProperty(this, "paused", { value: false, configurable: true });
      return Promise.resolve();
    });
    vi.spyOn(HTMLMediaElement.prototype, "pause").mockImplementation(function (this: HTMLMediaElement) {
      Object.defineProperty(this, "paused", { value: true, configurable: true });
    });
    document.body.innerHTML = `<section data-from="2000" data-until="62000">
      <figure><video data-from="2000" data-until="62000"></video></figure>
      <figure><video data-from="12000" data-until="32000"></video></figure>
      <div data-recording-controls hidden><input type="range" min="0" max="60" step="0.1" data-recording-seek>
      <button data-recording-play></button><span data-recording-time></span>
      <select data-recording-speed><option value="1">1</option><option value="2">2</option></select></div>
      <ol><li><button data-at="30000" data-kind="joined">x</button></li></ol></section>`;
    host = document.querySelector("section") as HTMLElement;
    mount(host);
    for (const number of [0, 1]) Object.defineProperty(video(number), "readyState", { value: 4, configurable: true });
  });

  it("plays each track where it belongs, at the chosen speed", () => {
    (host.querySelector("[data-recording-play]") as HTMLElement).click();
    expect([video(0).paused, video(1).paused]).toEqual([false, true]);
    vi.advanceTimersByTime(10_500);
    expect([time(), video(1).paused]).toEqual(["0:10 / 1:00", false]);
    const speed = host.querySelector("select") as HTMLSelectElement;
    speed.value = "2";
    speed.dispatchEvent(new Event("change"));
    vi.advanceTimersByTime(10_500);
    expect([time(), video(0).playbackRate, video(1).paused]).toEqual(["0:31 / 1:00", 2, true]);
  });

  it("goes by keys, by the list and by the bar", () => {
    key("ArrowRight");
    expect([time(), video(0).currentTime]).toEqual(["0:05 / 1:00", 7]);
    (host.querySelector("[data-at]") as HTMLElement).click();
    expect(time()).toBe("0:30 / 1:00");
    key("Home");
    key(" ");
    expect([time(), host.dataset.playing]).toEqual(["0:00 / 1:00", "true"]);
    key("End");
    vi.advanceTimersByTime(200);
    expect([time(), host.dataset.playing]).toEqual(["1:00 / 1:00", "false"]);
    expect((host.querySelector(".recording-marks i") as HTMLElement).style.left).toBe("50%");
  });

  it("waits for a track that loads, but not for ever", () => {
    Object.defineProperty(video(0), "readyState", { value: 1, configurable: true });
    key(" ");
    vi.advanceTimersByTime(5_000);
    expect(time()).toBe("0:00 / 1:00");
    vi.advanceTimersByTime(6_000);
    expect(time()).not.toBe("0:00 / 1:00");
  });
});
