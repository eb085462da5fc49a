// The form by which a key is given out: for whom, as what, where, for how long.
import type { AreaRow } from "../api";
import { h } from "../dom";
import { cityNow } from "../format";
import type { GivenKey, NewKey } from "./api";
import { adminProblem, field, type Around } from "./leaf";
import { inWords } from "./rights";
import { tell } from "./words";

const SCOPES = ["read", "write", "publish", "keys"] as const;

export class KeyForm {
  private role = "";
  private readonly scopes = new Set<string>();
  private problem: unknown = null;
  private sending = false;

  constructor(private readonly around: Around, private readonly areas: () => readonly AreaRow[], private readonly done: (given: GivenKey) => void) {}

  draw(): HTMLElement {
    const rights = this.around.rights(), roles = rights.gives(), isPublic = this.role === "public";
    const holder = h("input", { required: true, maxlength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9._@\\-]{0,63}", autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
    const label = h("input", { required: true, maxlength: 200, autocomplete: "off" });
    const role = h("select", { required: true, onchange: () => {
      this.role = role.value;
      this.around.redraw();
    } }, h("option", { value: "", disabled: true, selected: this.role === "" }, tell("choose")),
      roles.map((each) => h("option", { value: each, selected: each === this.role }, rights.named(each))));
    const territories = h("input", { required: true, list: "key-areas", autocomplete: "off", value: this.usual() });
    const origins = h("input", { required: true, placeholder: "https://maps.example", autocomplete: "off", inputmode: "url" });
    const ends = h("input", { type: "date", min: cityNow().slice(0, 10), value: inAYear() });
    const form = h("form", { class: "fields", "aria-label": tell("give_key"), onsubmit: (event: Event) => {
      event.preventDefault();
      void this.give({
        holder: holder.value.trim(), role: this.role, label: label.value.trim(), territories: isPublic ? [] : codes(territories.value),
        scopes: isPublic ? [] : [...this.scopes], origins: isPublic ? codes(origins.value) : [], expires_at: ends.value ? `${ends.value}T23:59:59` : null,
      });
    } },
      field("key-holder", tell("key_holder"), holder, tell("key_holder_help")),
      field("key-label", tell("key_label"), label, tell("key_label_help")),
      h("div", { class: "field" }, field("key-role", tell("key_role"), role), this.may()),
      isPublic ? field("key-origins", tell("key_origins"), origins, tell("key_origins_help"))
        : field("key-territories", tell("key_territories"), territories, tell("key_territories_help")),
      isPublic ? null : this.scopesView(),
      field("key-ends", tell("key_ends"), ends, tell("key_ends_help")),
      h("datalist", { id: "key-areas" }, this.areas().map((each) => h("option", { value: each.code }, each.name))),
      this.problem ? adminProblem(this.problem) : null,
      h("div", { class: "buttons" }, h("button", { class: "primary", id: "give-key", disabled: this.sending }, tell(this.sending ? "giving" : "give_key_now"))));
    return h("details", { id: "new-key" }, h("summary", null, tell("give_key")), form);
  }

  /** What somebody with the chosen role may do, before it is given. */
  private may(): HTMLElement | null {
    if (!this.role) return null;
    const rights = this.around.rights(), may = rights.table.rights.filter((each) => each.bounds[this.role]);
    return h("details", { id: "role-may" }, h("summary", null, tell("role_may", may.length)),
      h("ul", { class: "plain" }, may.map((each) => h("li", null, inWords(each), h("span", { class: "weak" }, ` ${rights.bound(each.bounds[this.role]!)}`)))));
  }

  private scopesView(): HTMLElement {
    return h("fieldset", { class: "field" }, h("legend", null, tell("key_scopes")),
      h("div", { class: "options" }, SCOPES.map((each) => h("label", { class: "check" }, h("input", { type: "checkbox", id: `scope-${each}`, checked: this.scopes.has(each), onchange: (event: Event) => {
        if ((event.target as HTMLInputElement).checked) this.scopes.add(each);
        else this.scopes.delete(each);
      } }), tell(`scope_${each}`)))),
      h("p", { class: "weak" }, tell("key_scopes_help")));
  }

  private usual(): string {
    const mine = this.around.me()?.territories ?? [];
    return mine.includes("*") ? (this.around.city()?.code ?? "") : mine.join(" ");
  }

  private async give(key: NewKey): Promise<void> {
    this.sending = true;
    this.problem = null;
    this.around.redraw();
    try {
      const given = await this.around.api.giveKey(key);
      for (const each of document.querySelectorAll<HTMLInputElement>("#key-holder, #key-label, #key-origins")) each.value = "";
      document.querySelector<HTMLDetailsElement>("#new-key")!.open = false;
      this.role = "";
      this.scopes.clear();
      this.done(given);
      document.getElementById("copy-key")?.focus();
    } catch (error) {
      this.problem = error;
    }
    this.sending = false;
    this.around.redraw();
  }
}

/** Codes or origins as people write them in one line. */
function codes(text: string): string[] {
  return text.split(/[\s,;，；、]+/).filter((each) => each !== "");
}

function inAYear(): string {
  const today = cityNow().slice(0, 10), [year, rest] = [Number(today.slice(0, 4)) + 1, today.slice(4)];
  return `${year}${rest === "-02-29" ? "-02-28" : rest}`;
}
