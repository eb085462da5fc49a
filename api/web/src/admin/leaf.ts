// What the leaves of the admin's desk have in common: where they stand, what was said last, problems, and questions
// before what cannot be undone.
import type { City, Me } from "../api";
import { h } from "../dom";
import { Refused } from "../service";
import type { AdminApi } from "./api";
import type { Rights } from "./rights";
import type { Place } from "./url";
import { tell, told } from "./words";

export interface Around {
  readonly api: AdminApi;
  readonly me: () => Me | null;
  readonly city: () => City | null;
  readonly rights: () => Rights;
  readonly place: () => Place;
  readonly dialog: HTMLDialogElement;
  readonly login: () => string;
  readonly go: (change: Partial<Place>, push: boolean) => void;
  readonly redraw: () => void;
}

export interface Leaf {
  /** The action that whoever opens it must be allowed. */
  readonly needs: string | null;
  /** The address came to it, or changed. */
  open(): void;
  draw(): (HTMLElement | null)[];
}

const KNOWN = new Set([0, 401, 403, 404, 409, 422, 429, 503]);

export function adminProblem(error: unknown, again: (() => void) | null = null): HTMLElement {
  if (!(error instanceof Refused)) throw error;
  const status = KNOWN.has(error.status) ? String(error.status) : "other";
  return h("div", { class: "banner warning problem", role: "alert" },
    h("p", null, h("b", null, told("problem", status))), h("p", null, told("do", status)),
    error.status === 0 ? null : h("p", { class: "weak", lang: "en" }, error.message),
    again ? h("p", null, h("button", { type: "button", onclick: again }, tell("try_again"))) : null);
}

export function asking(): HTMLElement {
  return h("p", { class: "asking", role: "status" }, tell("asking"));
}

/** Asks before something that cannot be undone; `act` runs while the dialog waits, and what it is refused stands in it. */
export function confirm(dialog: HTMLDialogElement, title: string, text: readonly (HTMLElement | null)[], yes: string, act: () => Promise<void>): void {
  const said = h("div", null);
  const go = h("button", { type: "button", class: "primary", id: "confirm-yes", onclick: () => {
    go.disabled = true;
    act().then(() => dialog.close(), (error: unknown) => {
      go.disabled = false;
      said.replaceChildren(adminProblem(error));
    });
  } }, yes);
  dialog.setAttribute("aria-labelledby", "confirm-title");
  dialog.replaceChildren(h("h2", { id: "confirm-title" }, title), ...text.filter((each) => each !== null), said,
    h("div", { class: "buttons" }, h("button", { type: "button", id: "confirm-no", onclick: () => dialog.close() }, tell("cancel")), go));
  dialog.showModal();
  document.getElementById("confirm-no")?.focus();
}

/** A field with its label and perhaps a line of help. */
export function field(id: string, label: string, input: HTMLElement, help = ""): HTMLElement {
  input.id = id;
  if (help) input.setAttribute("aria-describedby", `${id}-help`);
  return h("div", { class: "field" }, h("label", { for: id }, label), input, help ? h("p", { class: "weak", id: `${id}-help` }, help) : null);
}

/** A table whose rows become cards on a phone: each cell says what it is. */
export function rows(caption: string, heads: readonly string[], body: readonly HTMLTableRowElement[]): HTMLElement {
  for (const row of body) [...row.cells].forEach((cell, at) => (cell.dataset["head"] = heads[at] ?? ""));
  return h("div", { class: "wide" }, h("table", { class: "rows" }, h("caption", { class: "hidden" }, caption),
    h("thead", null, h("tr", null, heads.map((head, at) => h("th", { scope: "col", class: body[0]?.cells[at]?.classList.contains("figure") ? "figure" : null }, head)))), h("tbody", null, body)));
}
