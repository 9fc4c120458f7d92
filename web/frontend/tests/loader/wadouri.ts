// A page that does nothing but load films by WADO-URI and say which pixels it got: for a test of the archive's door.

import { imageLoader, init as initCore } from "@cornerstonejs/core";
import { init as initLoader } from "@cornerstonejs/dicom-image-loader";

const asked = new URLSearchParams(location.search);

async function pixels(address: string): Promise<unknown> {
  const image = await imageLoader.loadAndCacheImage(`wadouri:${address}`);
  return { rows: image.rows, columns: image.columns, pixels: Array.from(image.getPixelData()) };
}

initCore({ rendering: { useCPURendering: true }, debug: {} });
initLoader({
  maxWebWorkers: 1,
  beforeSend: () => ({ Authorization: `Bearer ${asked.get("token") ?? ""}` }),
});
Promise.all(asked.getAll("film").map(pixels)).then(
  (found) => (document.documentElement.dataset.found = JSON.stringify(found)),
  (error: unknown) => (document.documentElement.dataset.found = JSON.stringify(String(error))),
);
