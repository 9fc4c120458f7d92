/** Talking JSON with the server: the CSRF token goes along, refusals come back as `Refusal`. */

/** What the server said no with; `body` is its RFC 9457 problem where it sent one. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: Record<string, unknown>,
  ) {
    super(
      typeof body.detail === "string" ? body.detail : typeof body.title === "string" ? body.title : `HTTP ${status}`,
    );
    this.name = "Refusal";
  }
}

export function csrfToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

/** Refusals come in the language of the page, not of the browser. */
export function inPageLanguage(): Record<string, string> {
  return { "Accept-Language": document.documentElement.lang || navigator.language };
}

export function newKey(): string {
  // Pages over plain HTTP on a hospital's own network have no randomUUID, whatever the types say.
  const make = (crypto as Partial<Crypto>).randomUUID;
  if (make) return make.call(crypto);
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/**
 * Send JSON, or a Blob as it is, and read JSON.
 *
 * @throws Refusal when the server answered with 4xx or 5xx; TypeError when it could not be reached.
 */
export async function sendJson(
  method: Method,
  url: string,
  body?: unknown,
  options: { signal?: AbortSignal; keepalive?: boolean; idempotencyKey?: string } = {},
): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = { Accept: "application/json", ...inPageLanguage() };
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken();
  const raw = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = raw ? body.type : "application/json";
  if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
  const response = await fetch(url, {
    method,
    headers,
    credentials: "same-origin",
    keepalive: options.keepalive ?? false,
    body: body === undefined ? null : raw ? body : JSON.stringify(body),
    signal: options.signal ?? null,
  });
  const text = await response.text();
  const answer = parsed(text);
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
