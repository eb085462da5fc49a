// The form by which a weekly rule of a post is entered: who is there, on which days, from when until when.
import { h } from "../dom";
import { cityDay } from "../format";
import type { Post } from "./api";
import { FoldForm } from "./fold_form";
import { field, type Around } from "./leaf";
import { PersonField, type Person } from "./person_field";
import { tell, told } from "./words";

const DAYS = ["1", "2", "3", "4", "5", "6", "7"] as const;

export class ShiftForm {
  private readonly days = DAYS.map((day) => h("input", { type: "checkbox", value: day, checked: Number(day) <= 5 }));
  private readonly form: FoldForm;
  private readonly holder: PersonField;
  private readonly backup: PersonField;

  constructor(private readonly around: Around, private readonly post: Post, private readonly done: (holder: string) => void) {
    this.form = new FoldForm(around, `shift-${post.code}`);
    this.holder = new PersonField("shift-holder", post.code, around.redraw);
    this.backup = new PersonField("shift-backup", post.code, around.redraw);
  }

  draw(people: readonly Person[]): HTMLElement {
    const id = (name: string): string => `${name}-${this.post.code}`;
    const choices = h("fieldset", { class: "field", id: id("days") }, h("legend", null, tell("on_days")),
      h("div", { class: "options" }, this.days.map((each) => h("label", { class: "check" }, each, told("day", each.value)))));
    const starts = h("input", { type: "time", required: true, value: "08:00" }), ends = h("input", { type: "time", required: true, value: "18:00" });
    const first = h("input", { type: "date", required: true, value: cityDay(0) }), last = h("input", { type: "date" });
    return this.form.draw(tell("enter_shift"), tell("shift_of", this.post.title), [
      ...this.holder.draw(tell("who_is_there"), people, null), choices,
      field(id("starts"), tell("begins"), starts, tell("city_time")), field(id("until"), tell("ends"), ends, tell("over_midnight")),
      field(id("first-day"), tell("first_day"), first), field(id("last-day"), tell("last_day"), last, tell("last_day_help")),
      ...this.backup.draw(tell("head_backup"), people, tell("no_backup")),
    ], true, async () => {
      const chosen = this.days.filter((each) => each.checked).map((each) => each.value).join(",");
      const holder = this.holder.holder(people);
      await this.around.api.addShift({
        post: this.post.code, holder, backup: this.backup.holder(people), hours: `${chosen} ${starts.value}-${ends.value}`,
        valid_from: first.value, valid_until: last.value || null,
      });
      this.holder.forget();
      this.backup.forget();
      this.done(holder?.display_name ?? "");
    });
  }
}
