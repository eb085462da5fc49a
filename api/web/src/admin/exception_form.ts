// The form by which leave, a swap or an extra turn at a post is entered.
import { h } from "../dom";
import { cityDay } from "../format";
import type { Post, RosterNow } from "./api";
import { FoldForm } from "./fold_form";
import { field, type Around } from "./leaf";
import { PersonField, type Person } from "./person_field";
import { tell } from "./words";

const KINDS = ["leave", "swap", "extra"] as const;
type Kind = (typeof KINDS)[number];

export class ExceptionForm {
  private kind: Kind = "leave";
  private away = "";
  private readonly form: FoldForm;
  private readonly substitute: PersonField;

  constructor(private readonly around: Around, private readonly post: Post, private readonly done: (begins: string, roster: RosterNow | null) => void) {
    this.form = new FoldForm(around, `exception-${post.code}`);
    this.substitute = new PersonField("substitute", post.code, around.redraw);
  }

  draw(people: readonly Person[]): HTMLElement {
    const id = (name: string): string => `${name}-${this.post.code}`;
    const isExtra = this.kind === "extra", away = people.filter((each) => each.isHolder);
    const kind = h("select", { onchange: () => {
      this.kind = KINDS.find((each) => each === kind.value)!;
      this.around.redraw();
    } }, KINDS.map((each) => h("option", { value: each, selected: each === this.kind }, tell(`exception_${each}`))));
    const holder = h("select", { required: true, onchange: () => {
      this.away = holder.value;
      this.around.redraw();
    } }, away.map((each) => h("option", { value: each.code, selected: each.code === this.away }, `${each.name} · ${each.code}`)));
    const others = isExtra ? people : people.filter((each) => each.code !== holder.value);
    const begins = h("input", { type: "datetime-local", required: true, value: `${cityDay(1)}T00:00` }), ends = h("input", { type: "datetime-local", required: true, value: `${cityDay(2)}T00:00` });
    return this.form.draw(tell("enter_exception"), tell("exception_of", this.post.title), [
      field(id("kind"), tell("exception_kind"), kind),
      isExtra ? null : field(id("holder"), tell("who_is_away"), holder),
      field(id("begins"), tell("begins"), begins, tell("city_time")), field(id("ends"), tell("ends"), ends),
      ...this.substitute.draw(tell("who_comes"), others, this.kind === "leave" ? tell("the_backup") : null),
    ], isExtra || away.length > 0, async () => {
      const who = people.find((each) => each.code === holder.value);
      const starts = begins.value;
      await this.around.api.except({
        post: this.post.code, kind: this.kind, begins: starts, ends: ends.value,
        holder: isExtra || !who ? null : { code: who.code, display_name: who.name }, substitute: this.substitute.holder(others),
      });
      this.substitute.forget();
      this.done(starts, await this.around.api.roster(this.post.level, this.post.territory, starts).catch(() => null));
    });
  }
}
