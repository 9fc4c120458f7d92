/** Pure: what a form says, as JSON, and putting such words back. */

export type Value = string | boolean | string[];
export type Fields = Record<string, Value>;

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

const NEVER_KEPT = new Set(["csrf", "csrf_token", "idempotency_key", "version"]);
const NOT_FIELDS = new Set(["password", "file", "submit", "button", "image", "reset"]);

export function controls(form: HTMLFormElement): Control[] {
  return [...form.elements].filter(
    (element): element is Control =>
      (element instanceof HTMLInputElement ||
        element instanceof HTMLTextAreaElement ||
        element instanceof HTMLSelectElement) &&
      element.name !== "" &&
      !NEVER_KEPT.has(element.name) &&
      !NOT_FIELDS.has(element.type) &&
      !element.closest("[data-autosave=off]"),
  );
}

/**
 * The form's named fields. A radio group is the chosen value ("" when none is); one checkbox is a boolean,
 * several of one name, or a name that ends in [], are the list of those ticked; so is a select of many.
 */
export function fieldsOf(form: HTMLFormElement): Fields {
  const fields: Fields = {};
  const all = controls(form);
  for (const control of all) {
    const { name } = control;
    if (control instanceof HTMLInputElement && control.type === "radio") {
      if (control.checked) fields[name] = control.value;
      else fields[name] ??= "";
    } else if (control instanceof HTMLInputElement && control.type === "checkbox") {
      const many = name.endsWith("[]") || all.filter((other) => other.name === name).length > 1;
      if (!many) fields[name] = control.checked;
      else {
        const list = Array.isArray(fields[name]) ? fields[name] : [];
        fields[name] = control.checked ? [...list, control.value] : list;
      }
    } else if (control instanceof HTMLSelectElement && control.multiple)
      fields[name] = [...control.selectedOptions].map((option) => option.value);
    else fields[name] = control.value;
  }
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.replace(/\[\]$/, ""), value]));
}

/** Write fields back into the form and tell its other scripts. */
export function putBack(form: HTMLFormElement, fields: Fields): void {
  for (const control of controls(form)) {
    const value = fields[control.name.replace(/\[\]$/, "")];
    if (value === undefined) continue;
    if (control instanceof HTMLInputElement && (control.type === "radio" || control.type === "checkbox"))
      control.checked =
        typeof value === "boolean"
          ? value
          : Array.isArray(value)
            ? value.includes(control.value)
            : value === control.value;
    else if (control instanceof HTMLSelectElement && control.multiple)
      for (const option of control.options) option.selected = Array.isArray(value) && value.includes(option.value);
    else if (typeof value === "string") control.value = value;
    control.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

export function same(a: Fields, b: Fields): boolean {
  const ordered = (fields: Fields): string =>
    JSON.stringify(Object.entries(fields).sort(([x], [y]) => x.localeCompare(y)));
  return ordered(a) === ordered(b);
}

/** Whether every field says what one of `known` (null: nothing) says: nobody else has written into it. */
export function onlyMine(theirs: Fields, known: readonly (Fields | null)[]): boolean {
  return Object.entries(theirs).every(([name, value]) =>
    known.some((fields) => fields && JSON.stringify(fields[name]) === JSON.stringify(value)),
  );
}
