// Somebody who holds posts: chosen from those known here, or named anew.
import { h } from "../dom";
import type { Holder } from "./api";
import { field } from "./leaf";
import { tell } from "./words";

const NOBODY = "", OTHER = "*";

export interface Person {
  readonly code: string;
  readonly name: string;
  /** Whether it is this post that they hold. */
  readonly isHolder: boolean;
}

/** What to call who is not chosen: none of these persons, where nobody need be. */
export class PersonField {
  private chosen: string | null = null;
  private readonly code = h("input", { required: true, maxlength: 64, autocomplete: "off", spellcheck: "false" });
  private readonly name = h("input", { required: true, maxlength: 200, autocomplete: "off" });

  constructor(private readonly id: string, private readonly ids: string, private readonly changed: () => void) {}

  /** The fields; `nobody` is how it is called that nobody is chosen, null where somebody must be. */
  draw(label: string, people: readonly Person[], nobody: string | null): HTMLElement[] {
    const known = new Set([...people.map((each) => each.code), OTHER, ...(nobody === null ? [] : [NOBODY])]);
    if (this.chosen === null || !known.has(this.chosen)) this.chosen = nobody === null ? (people[0]?.code ?? OTHER) : NOBODY;
    const select = h("select", { onchange: () => {
      this.chosen = select.value;
      this.changed();
    } }, nobody === null ? null : h("option", { value: NOBODY, selected: this.chosen === NOBODY }, nobody),
      people.map((each) => h("option", { value: each.code, selected: each.code === this.chosen }, `${each.name} · ${each.code}`)),
      h("option", { value: OTHER, selected: this.chosen === OTHER }, tell("somebody_else")));
    const fields = [field(`${this.id}-${this.ids}`, label, select)];
    if (this.chosen !== OTHER) return fields;
    return [...fields, field(`${this.id}-code-${this.ids}`, tell("other_code"), this.code, tell("other_code_help")), field(`${this.id}-name-${this.ids}`, tell("other_name"), this.name)];
  }

  holder(people: readonly Person[]): Holder | null {
    if (this.chosen === OTHER) return { code: this.code.value.trim(), display_name: this.name.value.trim() };
    const person = people.find((each) => each.code === this.chosen);
    return person ? { code: person.code, display_name: person.name } : null;
  }

  forget(): void {
    this.chosen = null;
    this.code.value = this.name.value = "";
  }
}
