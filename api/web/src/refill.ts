// Draws a part of a page anew under the hands of whoever uses it.

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Puts other children into an element. The focus, what is typed, and what is folded out stay, by ids and by words. */
export function refill(into: HTMLElement, ...children: readonly (Node | string | null)[]): void {
  const focused = into.contains(document.activeElement) ? document.activeElement?.id : "";
  const typed = fieldsOf(into).filter(isTouched).map((each) => [each.id, each.value, untouched(each)] as const);
  const open = [...into.querySelectorAll<HTMLDetailsElement>("details[open]")].map(foldName);
  into.replaceChildren(...children.filter((each) => each !== null));
  for (const [id, value, before] of typed) {
    const field = fieldsOf(into).find((each) => each.id === id);
    if (field && untouched(field) === before) field.value = value;
  }
  for (const fold of into.querySelectorAll("details")) if (open.includes(foldName(fold))) fold.open = true;
  if (focused) document.getElementById(focused)?.focus();
}

function foldName(fold: HTMLDetailsElement): string {
  return fold.id || (fold.querySelector("summary")?.textContent ?? "");
}

function fieldsOf(within: HTMLElement): Field[] {
  return [...within.querySelectorAll<Field>("input[id]:not([type=checkbox]):not([type=range]), textarea[id], select[id]")];
}

function untouched(field: Field): string {
  if (field instanceof HTMLSelectElement) return [...field.options].find((each) => each.defaultSelected)?.value ?? field.options[0]?.value ?? "";
  return field.defaultValue;
}

function isTouched(field: Field): boolean {
  return field.value !== untouched(field);
}
