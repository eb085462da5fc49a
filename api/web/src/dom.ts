// Makes elements. Text is always text: nothing that the service or a person wrote is read as HTML.

type Attribute = string | number | boolean | null | undefined | ((event: never) => void);
type Child = Node | string | number | null | undefined | false | readonly Child[];

/** An element with attributes (a function under "onclick" listens; false, null: not there) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Readonly<Record<string, Attribute>> | null = null, ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  append(made, children);
  return made;
}

function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) parent.append(child);
    else if (typeof child === "object") append(parent, child);
    else parent.append(String(child));
  }
}

/** Text of the city's own, such as a name or a title: said to be Chinese where it is. */
export function data(text: string): HTMLElement {
  return h("span", { lang: /[\u3400-\u9fff]/.test(text) ? "zh-CN" : null }, text);
}
