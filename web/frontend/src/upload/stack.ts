/** tus requests with a checksum of each piece, where the browser can compute one cheaply. */

import { DefaultHttpStack, type HttpRequest, type HttpResponse, type HttpStack } from "tus-js-client";

export async function checksum(body: Blob): Promise<string | null> {
  // Pages over plain HTTP have no WebCrypto; the server checks the whole file anyway.
  const subtle = (crypto as Partial<Crypto>).subtle;
  if (!subtle) return null;
  const digest = new Uint8Array(await subtle.digest("SHA-256", await body.arrayBuffer()));
  return `sha256 ${btoa(String.fromCharCode(...digest))}`;
}

class Checked implements HttpRequest {
  constructor(private readonly request: HttpRequest) {}

  getMethod(): string {
    return this.request.getMethod();
  }
  getURL(): string {
    return this.request.getURL();
  }
  setHeader(header: string, value: string): void {
    this.request.setHeader(header, value);
  }
  getHeader(header: string): string | undefined {
    return this.request.getHeader(header);
  }
  setProgressHandler(handler: (bytesSent: number) => void): void {
    this.request.setProgressHandler(handler);
  }
  async send(body?: unknown): Promise<HttpResponse> {
    if (body instanceof Blob) {
      const sum = await checksum(body);
      if (sum) this.request.setHeader("Upload-Checksum", sum);
    }
    return this.request.send(body);
  }
  abort(): Promise<void> {
    return this.request.abort();
  }
  getUnderlyingObject(): unknown {
    return this.request.getUnderlyingObject();
  }
}

export class ChecksumStack implements HttpStack {
  private readonly plain = new DefaultHttpStack({});

  createRequest(method: string, url: string): HttpRequest {
    return new Checked(this.plain.createRequest(method, url));
  }
  getName(): string {
    return "ChecksumStack";
  }
}
