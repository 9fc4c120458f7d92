/** Pure: does what stands before the caret call for phrases (/) or lab values (@)? */

export interface Trigger {
  kind: "/" | "@";
  from: number;
  query: string;
}

const LONGEST_QUERY = 20;

/** The sign must start a word: at the beginning, after a space, a line break or Chinese punctuation. 120/80 calls for nothing. */
export function triggerAt(text: string, caret: number): Trigger | null {
  const before = text.slice(Math.max(0, caret - LONGEST_QUERY - 2), caret);
  const found = /(?:^|[\s，。；：、（(]|[\u4e00-\u9fff])([/@])([^\s/@，。；]{0,20})$/u.exec(before);
  if (!found) return null;
  const [, sign = "", query = ""] = found;
  return { kind: sign as "/" | "@", from: caret - query.length - 1, query };
}

/** Those that hold the query, the ones that begin with it first. */
export function matching<T>(all: readonly T[], query: string, words: (one: T) => string, most = 8): T[] {
  const wanted = query.toLowerCase();
  const place = (one: T): number => words(one).toLowerCase().indexOf(wanted);
  return all
    .filter((one) => place(one) >= 0)
    .sort((a, b) => Number(place(a) > 0) - Number(place(b) > 0))
    .slice(0, most);
}

export function replaced(
  text: string,
  trigger: Trigger,
  caret: number,
  words: string,
): { text: string; caret: number } {
  return { text: text.slice(0, trigger.from) + words + text.slice(caret), caret: trigger.from + words.length };
}
