/** What has arrived of a series, as one picture for the slider's track. */

/** Runs of equal flags as percent from 0 to 100. */
export function runs(flags: readonly boolean[]): { from: number; to: number; here: boolean }[] {
  const found: { from: number; to: number; here: boolean }[] = [];
  flags.forEach((here, at) => {
    const last = found.at(-1);
    if (last?.here === here) last.to = at + 1;
    else found.push({ from: at, to: at + 1, here });
  });
  return found.map(({ from, to, here }) => ({
    from: (from / flags.length) * 100,
    to: (to / flags.length) * 100,
    here,
  }));
}

/** A CSS gradient whose lit parts are what is here. At most 40 runs are drawn: more would be finer than the track. */
export function gradient(flags: readonly boolean[], direction: "right" | "bottom"): string {
  const stops = runs(flags)
    .slice(0, 40)
    .map(({ from, to, here }) => `${here ? "var(--arrived)" : "var(--missing)"} ${from.toFixed(1)}% ${to.toFixed(1)}%`);
  return `linear-gradient(to ${direction}, ${stops.length ? stops.join(", ") : "var(--missing), var(--missing)"})`;
}

/** The order in which films are fetched ahead: nearest first, a little more in the direction of reading. */
export function fetchOrder(count: number, at: number, reach: number): number[] {
  const order: number[] = [];
  for (let step = 1; step <= reach; step += 1) {
    if (at + step < count) order.push(at + step);
    if (at - step >= 0) order.push(at - step);
  }
  return order;
}
