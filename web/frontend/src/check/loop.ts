/**
 * One's own picture and voice once round through the exchange and back: sent by WHIP, received by WHEP, in a room of one's own.
 * What comes back is what a call would carry. Must not know the page.
 */

import { csrfToken, newKey } from "../http";
import type { Loop } from "./judge";

const UP_MS = 10_000;
const LISTEN_MS = 5_000;

/** Send these tracks round; `shown` gets what comes back. */
export async function sendRound(tracks: MediaStreamTrack[], shown: (stream: MediaStream) => void): Promise<Loop> {
  const room = `check-${newKey().slice(0, 12)}`;
  const direct = await attempt(room, tracks, [], shown);
  if (direct.loop.way !== "" || direct.servers.length === 0) return direct.loop;
  return (await attempt(room, tracks, direct.servers, shown)).loop;
}

interface Attempt {
  loop: Loop;
  /** TURN servers that the house named. */
  servers: RTCIceServer[];
}

const NOTHING: Loop = { way: "", fps: 0, lossPercent: 0, roundTripMs: 0 };

async function attempt(
  room: string,
  tracks: MediaStreamTrack[],
  iceServers: RTCIceServer[],
  shown: (stream: MediaStream) => void,
): Promise<Attempt> {
  const out = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
  const back = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
  const opened: string[] = [];
  try {
    for (const track of tracks) {
      out.addTransceiver(track, { direction: "sendonly" });
      back.addTransceiver(track.kind, { direction: "recvonly" });
    }
    const stream = new MediaStream();
    back.addEventListener("track", (event) => stream.addTrack(event.track));
    const servers = await open(out, `/whip/${room}`, opened);
    if (!(await isUp(out))) return { loop: NOTHING, servers };
    await open(back, `/whep/${room}`, opened);
    if (!(await isUp(back))) return { loop: NOTHING, servers };
    shown(stream);
    await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
    return { loop: { ...(await received(back)), ...(await wayOf(out)) }, servers };
  } finally {
    // Told before it is closed: a session whose line has ended is not known any more.
    for (const address of opened)
      await fetch(address, { method: "DELETE", headers: { "X-CSRF-Token": csrfToken() } }).catch(() => undefined);
    out.close();
    back.close();
  }
}

async function open(pc: RTCPeerConnection, address: string, opened: string[]): Promise<RTCIceServer[]> {
  await pc.setLocalDescription(await pc.createOffer());
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", "X-CSRF-Token": csrfToken() },
    body: pc.localDescription?.sdp ?? "",
  });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  const session = answer.headers.get("Location");
  if (session) opened.push(session);
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  return serversIn(answer.headers.get("Link") ?? "");
}

/** The ICE servers of a `Link` header (RFC 9725 4.6). */
export function serversIn(link: string): RTCIceServer[] {
  return [...link.matchAll(/<([^>]+)>((?:\s*;\s*[\w-]+="[^"]*")*)/g)].flatMap(([, urls = "", rest = ""]) => {
    const words = new Map([...rest.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]));
    if (words.get("rel") !== "ice-server") return [];
    const username = words.get("username");
    return [username ? { urls, username, credential: words.get("credential") ?? "" } : { urls }];
  });
}

async function isUp(pc: RTCPeerConnection): Promise<boolean> {
  if (pc.connectionState === "connected") return true;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), UP_MS);
    pc.addEventListener("connectionstatechange", () => {
      if (pc.connectionState !== "connected" && pc.connectionState !== "failed") return;
      clearTimeout(timer);
      resolve(pc.connectionState === "connected");
    });
  });
}

async function received(pc: RTCPeerConnection): Promise<Pick<Loop, "fps" | "lossPercent">> {
  let fps = 0;
  let lost = 0;
  let came = 0;
  for (const one of statsOf<RTCInboundRtpStreamStats>(await pc.getStats(), "inbound-rtp")) {
    fps = Math.max(fps, one.framesPerSecond ?? 0);
    lost += Math.max(0, one.packetsLost ?? 0);
    came += one.packetsReceived ?? 0;
  }
  return { fps, lossPercent: came + lost > 0 ? (100 * lost) / (came + lost) : 0 };
}

async function wayOf(pc: RTCPeerConnection): Promise<Pick<Loop, "way" | "roundTripMs">> {
  const report = await pc.getStats();
  for (const pair of statsOf<RTCIceCandidatePairStats>(report, "candidate-pair")) {
    if (!pair.nominated || pair.state !== "succeeded") continue;
    const local = report.get(pair.localCandidateId) as
      { candidateType?: string; protocol?: string; relayProtocol?: string } | undefined;
    const way = local?.candidateType === "relay" ? "relay" : local?.protocol === "tcp" ? "tcp" : "udp";
    return { way, roundTripMs: (pair.currentRoundTripTime ?? 0) * 1000 };
  }
  return { way: "udp", roundTripMs: 0 };
}

function statsOf<T extends { type: string }>(report: RTCStatsReport, type: string): T[] {
  const found: T[] = [];
  report.forEach((one: T) => {
    if (one.type === type) found.push(one);
  });
  return found;
}
