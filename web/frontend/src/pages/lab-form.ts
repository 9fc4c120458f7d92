/** Rows of a lab form: add, remove, numbers that never repeat. */

const PLACE = /__n__/g;
const MOST_ROWS = 200;
const PHONE = "(max-width: 719px)";
const ROWS_ON_A_PHONE = 3;

/** On a phone a row is tall: empty ones would only hide the button under them. */
function trim(rows: HTMLElement): void {
  const isEmpty = (row: Element): boolean => [...row.querySelectorAll("input")].every((input) => input.value === "");
  while (rows.children.length > ROWS_ON_A_PHONE && rows.lastElementChild && isEmpty(rows.lastElementChild))
    rows.lastElementChild.remove();
}

export function mount(element: HTMLElement): void {
  const rows = element.querySelector<HTMLElement>("[data-rows]");
  const template = element.querySelector<HTMLTemplateElement>("template[data-row]");
  const add = element.querySelector<HTMLElement>("[data-add]");
  if (!rows || !template) return;
  if (matchMedia(PHONE).matches) trim(rows);
  let next = Number(element.dataset.next ?? rows.children.length);

  const grow = (): void => {
    if (rows.children.length >= MOST_ROWS) return;
    const part = template.content.cloneNode(true) as DocumentFragment;
    const n = String(next);
    next += 1;
    for (const node of part.querySelectorAll("*"))
      for (const attribute of [...node.attributes])
        if (attribute.value.includes("__n__")) node.setAttribute(attribute.name, attribute.value.replace(PLACE, n));
    const field = part.querySelector<HTMLElement>("input, select, textarea");
    rows.append(part);
    field?.focus();
    changed();
  };
  const changed = (): void => {
    rows.dispatchEvent(new Event("input", { bubbles: true }));
  };

  if (add) {
    add.hidden = false;
    add.addEventListener("click", (event) => {
      event.preventDefault();
      grow();
    });
  }
  rows.addEventListener("click", (event) => {
    const button = (event.target as Element).closest("[data-remove]");
    const row = [...rows.children].find((child) => button && child.contains(button));
    if (!row) return;
    event.preventDefault();
    const beside = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (beside?.querySelector<HTMLElement>("input, select, textarea") ?? add)?.focus();
    changed();
  });
  rows.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    // Enter in the last row starts the next one, as in the laboratory's own programs.
    if (event.key !== "Enter" || !(target instanceof HTMLInputElement) || !rows.lastElementChild?.contains(target))
      return;
    event.preventDefault();
    grow();
  });
  element.dispatchEvent(new Event("rows:ready", { bubbles: true }));
}
