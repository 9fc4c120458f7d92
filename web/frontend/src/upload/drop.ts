/** What was dropped or chosen, folders included, as files with their paths. */

import { isJunk, type Picked } from "./files";

const MOST_FILES = 20_000;

export function fromInput(input: HTMLInputElement): Picked[] {
  return [...(input.files ?? [])]
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .filter(({ path }) => !isJunk(path));
}

export async function fromDrop(transfer: DataTransfer): Promise<Picked[]> {
  // Entries must be taken before the first await: the list is emptied afterwards.
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found: Picked[] = [];
  for (const { entry, file } of entries) {
    if (entry) await walk(entry, found);
    else if (file) found.push({ file, path: file.name });
  }
  return found.filter(({ path }) => !isJunk(path));
}

async function walk(entry: FileSystemEntry, found: Picked[]): Promise<void> {
  if (found.length >= MOST_FILES) return;
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ file, path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives at most 100 entries a call.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const child of some) await walk(child, found);
  }
}
