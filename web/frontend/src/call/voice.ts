/**
 * Pure: asks in an offer that lost voice be sent again. Browsers can do it and do not offer it by themselves.
 *
 * Source: RFC 4585 4.2 (a=rtcp-fb).
 */

/** The offer with `nack` for Opus in every section. */
export function askForVoiceAgain(sdp: string): string {
  return sdp
    .split(/^(?=m=)/m)
    .map((section) =>
      section.replace(/^a=rtpmap:(\d+) opus\/.*\r\n/gim, (line, type: string) => {
        const asked = `a=rtcp-fb:${type} nack\r\n`;
        return section.includes(asked) ? line : line + asked;
      }),
    )
    .join("");
}
