import { describe, expect, it } from "vitest";
import { judgeAll, judgeLine, judgeLoop, median, rateOf, type Loop } from "../src/check/judge";
import { serversIn } from "../src/check/loop";

const wide = { roundTripMs: 30, down: 20_000_000, up: 4_000_000 };
const clean: Loop = { way: "udp", fps: 24, lossPercent: 0, roundTripMs: 12 };

describe("what figures mean for a call", () => {
  it("judges a line by its narrower way and by its length", () => {
    expect(judgeLine(wide).grade).toBe("good");
    expect(judgeLine({ ...wide, up: 300_000 }).text).toBe("Enough for voice and a small picture.");
    expect(judgeLine({ ...wide, up: 80_000 }).grade).toBe("weak");
    expect(judgeLine({ ...wide, down: 20_000 }).grade).toBe("bad");
    expect(judgeLine({ ...wide, roundTripMs: 900 }).grade).toBe("weak");
    expect(judgeLine({ ...wide, up: 0 }).figures).toContain("upload 0 kbit/s");
  });

  it("judges what came back through the exchange", () => {
    expect(judgeLoop(clean).grade).toBe("good");
    expect(judgeLoop({ ...clean, lossPercent: 8 }).grade).toBe("weak");
    expect(judgeLoop({ ...clean, way: "relay" }).text).toContain("UDP is blocked");
    expect(judgeLoop({ ...clean, way: "" }).grade).toBe("bad");
  });

  it("says the worst of all", () => {
    expect(judgeAll(["good", "good"]).grade).toBe("good");
    expect(judgeAll(["good", "weak"]).grade).toBe("weak");
    expect(judgeAll(["weak", "bad"]).grade).toBe("bad");
  });

  it("takes the middle of several tries", () => {
    expect(median([])).toBe(0);
    expect(median([3])).toBe(3);
    expect(median([900, 10, 20])).toBe(20);
    expect(median([10, 20])).toBe(15);
  });

  it("writes rates as people read them", () => {
    expect([rateOf(1_500_000), rateOf(64_400)]).toEqual(["1.5 Mbit/s", "64 kbit/s"]);
  });
});

describe("the servers that a Link header names", () => {
  it("reads TURN with its credentials and leaves all else", () => {
    const link =
      '<stun:s.example:3478>; rel="ice-server", <turns:t.example:443?transport=tcp>; rel="ice-server"; username="17:a"; ' +
      'credential="b=="; credential-type="password", </next>; rel="next"';
    expect(serversIn(link)).toEqual([
      { urls: "stun:s.example:3478" },
      { urls: "turns:t.example:443?transport=tcp", username: "17:a", credential: "b==" },
    ]);
    for (const nothing of ["", "<", "turn:x", "<turn:x>; rel=ice-server", "<turn:x>"])
      expect(serversIn(nothing)).toEqual([]);
  });
});
