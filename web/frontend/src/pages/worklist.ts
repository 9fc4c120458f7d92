/** Keys in the worklist: j and k walk, Enter opens, / searches. */

export function mount(table: HTMLElement): void {
  const rows = (): HTMLTableRowElement[] =>
    [...table.querySelectorAll<HTMLTableRowElement>("tbody tr")].filter((row) => row.querySelector("a"));
  const link = (row: HTMLElement | undefined): HTMLAnchorElement | null =>
    row?.querySelector<HTMLAnchorElement>("a") ?? null;
  const here = (): number => rows().findIndex((row) => row.classList.contains("here"));

  const walk = (by: number): void => {
    const all = rows();
    const to = all[Math.min(all.length - 1, Math.max(0, here() + by))];
    if (!to) return;
    for (const row of all) row.classList.toggle("here", row === to);
    link(to)?.focus({ preventScroll: true });
    to.scrollIntoView({ block: "nearest" });
  };

  table.addEventListener("focusin", (event) => {
    const row = (event.target as HTMLElement).closest("tr");
    for (const each of rows()) each.classList.toggle("here", each === row);
  });
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      target.matches("input, textarea, select, [contenteditable=true]")
    )
      return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
    else if (event.key === "Enter" && !target.closest("a, button, summary")) link(rows()[here()])?.click();
    else if (event.key === "/") {
      const search = document.querySelector<HTMLInputElement>('[type=search], [name="q"]');
      if (!search) return;
      search.focus();
      search.select();
      event.preventDefault();
    }
  });
}
