// The form by which leave, a swap or an extra turn at a post is entered.
import { h } from "../dom";
import { cityNow } from "../format";
import type { Holder, Post, RosterNow } from "./api";
import { adminProblem, field, type Around } from "./leaf";
import { tell } from "./words";

const KINDS = ["leave", "swap", "extra"] as const;
type Kind = (typeof KINDS)[number];

const BACKUP = "", OTHER = "*";

export interface Person {
  readonly code: string;
  readonly name: string;
  /** Whether it is this post that they hold. */
  readonly isHolder: boolean;
}

export class ExceptionForm {
  private kind: Kind = "leave";
  private substitute = BACKUP;
  private problem: unknown = null;
  private sending = false;
  private open = false;

  constructor(private readonly around: Around, private readonly post: Post, private readonly done: (begins: string, roster: RosterNow | null) => void) {}

  draw(people: readonly Person[]): HTMLElement {
    const id = (name: string): string => `${name}-${this.post.code}`;
    const isExtra = this.kind === "extra", away = people.filter((each) => each.isHolder);
    const kind = h("select", { onchange: () => {
      this.kind = KINDS.find((each) => each === kind.value)!;
      if (this.kind !== "leave" && this.substitute === BACKUP) this.substitute = people[0]?.code ?? OTHER;
      this.around.redraw();
    } }, KINDS.map((each) => h("option", { value: each, selected: each === this.kind }, tell(`exception_${each}`))));
    const holder = h("select", { required: true }, away.map((each) => h("option", { value: each.code }, `${each.name} · ${each.code}`)));
    const substitute = h("select", { onchange: () => {
      this.substitute = substitute.value;
      this.around.redraw();
    } }, this.kind === "leave" ? h("option", { value: BACKUP, selected: this.substitute === BACKUP }, tell("the_backup")) : null,
      people.map((each) => h("option", { value: each.code, selected: each.code === this.substitute }, `${each.name} · ${each.code}`)), h("option", { value: OTHER, selected: this.substitute === OTHER }, tell("somebody_else")));
    const now = cityNow();
    const begins = h("input", { type: "datetime-local", required: true, value: `${now.slice(0, 10)}T00:00` }), ends = h("input", { type: "datetime-local", required: true });
    const code = h("input", { required: true, maxlength: 64, autocomplete: "off", spellcheck: "false" }), name = h("input", { required: true, maxlength: 200, autocomplete: "off" });
    const isOther = this.substitute === OTHER;
    const form = h("form", { class: "fields", "aria-label": tell("exception_of", this.post.title), onsubmit: (event: Event) => {
      event.preventDefault();
      const find = (wanted: string): Holder | null => {
        const person = people.find((each) => each.code === wanted);
        return person ? { code: person.code, display_name: person.name } : null;
      };
      void this.save({
        post: this.post.code, kind: this.kind, begins: begins.value, ends: ends.value, holder: isExtra ? null : find(holder.value),
        substitute: isOther ? { code: code.value.trim(), display_name: name.value.trim() } : find(substitute.value),
      });
    } },
      field(id("kind"), tell("exception_kind"), kind),
      isExtra ? null : field(id("holder"), tell("who_is_away"), holder),
      field(id("begins"), tell("begins"), begins, tell("city_time")), field(id("ends"), tell("ends"), ends),
      field(id("substitute"), tell("who_comes"), substitute),
      isOther ? field(id("other-code"), tell("other_code"), code, tell("other_code_help")) : null,
      isOther ? field(id("other-name"), tell("other_name"), name) : null,
      this.problem ? adminProblem(this.problem) : null,
      h("div", { class: "buttons" }, h("button", { class: "primary", disabled: this.sending || (!isExtra && away.length === 0) }, tell(this.sending ? "saving" : "save_exception"))));
    const fold = h("details", { id: id("exception"), open: this.open, ontoggle: () => {
      this.open = fold.open;
    } }, h("summary", null, tell("enter_exception")), form);
    return fold;
  }

  private async save(exception: Parameters<Around["api"]["except"]>[0]): Promise<void> {
    this.sending = true;
    this.problem = null;
    this.around.redraw();
    try {
      await this.around.api.except(exception);
      const roster = await this.around.api.roster(this.post.level, this.post.territory, exception.begins).catch(() => null);
      this.open = false;
      this.sending = false;
      this.substitute = BACKUP;
      const fold = document.getElementById(`exception-${this.post.code}`);
      fold?.removeAttribute("open");
      fold?.querySelector("form")?.reset();
      this.done(exception.begins, roster);
    } catch (error) {
      this.problem = error;
    }
    this.sending = false;
    this.around.redraw();
  }
}
