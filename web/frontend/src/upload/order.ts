/** In which order files go: of every folder some slices all through it first, the middle ones before the outer ones. */

import type { Picked } from "./files";

const FIRST_LOOK = 16;
const FEW = 8;

/**
 * The first look at a series of a thousand slices needs sixteen of them: a study is readable while the rest arrives.
 * Files of one folder are taken for one series, in the order of the numbers in their names.
 */
export function firstLook(picked: Picked[]): Picked[] {
  const folders = new Map<string, Picked[]>();
  for (const one of picked) {
    const folder = one.path.slice(0, one.path.lastIndexOf("/") + 1);
    const known = folders.get(folder);
    if (known) known.push(one);
    else folders.set(folder, [one]);
  }
  const looks: Picked[] = [];
  const rests: Picked[] = [];
  const byName = new Intl.Collator(undefined, { numeric: true });
  for (const files of folders.values()) {
    if (files.length < FEW) {
      looks.push(...files);
      continue;
    }
    const sorted = [...files].sort((a, b) => byName.compare(a.path, b.path));
    const step = Math.max(2, Math.ceil(sorted.length / FIRST_LOOK));
    const middle = Math.floor(sorted.length / 2);
    const look = sorted.filter((_, place) => (place - middle) % step === 0);
    const rest = sorted.filter((_, place) => (place - middle) % step !== 0);
    looks.push(...middleOut(look));
    rests.push(...middleOut(rest));
  }
  return [...looks, ...rests];
}

function middleOut<T>(row: T[]): T[] {
  const middle = Math.floor(row.length / 2);
  return row
    .map((one, place) => ({ one, far: Math.abs(place - middle) }))
    .sort((a, b) => a.far - b.far)
    .map(({ one }) => one);
}
