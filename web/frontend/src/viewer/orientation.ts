/** Which side of the patient is where on the screen. */

type Vector = readonly number[];

const LETTERS: [string, string][] = [
  ["L", "R"], // +x is the patient's left
  ["P", "A"], // +y is the patient's back
  ["H", "F"], // +z is the patient's head
];

/** Letters of a direction in the patient's space (LPS), the strongest first, at most two. Source: DICOM PS3.3 C.7.6.1.1.1. */
export function letters(direction: Vector): string {
  return direction
    .map((part, axis) => ({ size: Math.abs(part), letter: LETTERS[axis]?.[part < 0 ? 1 : 0] ?? "" }))
    .filter((part) => part.size > 0.26) // less than 15 degrees off an axis is on it
    .sort((a, b) => b.size - a.size)
    .slice(0, 2)
    .map((part) => part.letter)
    .join("");
}

export interface Edges {
  top: string;
  bottom: string;
  left: string;
  right: string;
}

/** The letters at the four edges, from the patient's directions that point right and down on the screen (unit vectors, LPS). */
export function edges(right: Vector, down: Vector): Edges {
  const opposite = (direction: Vector): number[] => direction.map((part) => -part);
  return { top: letters(opposite(down)), bottom: letters(down), right: letters(right), left: letters(opposite(right)) };
}

/** The unit vector from one point to the other; zero when they are the same. */
export function towards(from: Vector, to: Vector): number[] {
  const way = from.map((part, axis) => (to[axis] ?? 0) - part);
  const length = Math.hypot(...way);
  return length > 0 ? way.map((part) => part / length) : way;
}
