// The posts of a territory, who holds them by which rules and who is there now; rules and leave entered and ended.
import type { Area, AreaDetail, Areas, CellDetail, Cells, Turn } from "../api";
import { data, h } from "../dom";
import { fullMoment, telephone } from "../format";
import { named } from "../language";
import { Refused } from "../service";
import type { Exception, Post, Shift } from "./api";
import { Known } from "./known";
import { adminProblem, asking, confirm, field, rows, type Around, type Leaf } from "./leaf";
import { ExceptionForm } from "./exception_form";
import type { Person } from "./person_field";
import { ShiftForm } from "./shift_form";
import { tell, told } from "./words";

// Of more posts at one place only the first are shown with their rules.
const MOST_POSTS = 40;

interface PostKnown {
  readonly post: Post;
  readonly shifts: readonly Shift[];
  /** Those that are not over; null: who asks may not write here. */
  readonly exceptions: readonly Exception[] | null;
  readonly onDuty: readonly Turn[] | null;
  /** Somebody must be there now, and nobody is. */
  readonly gap: boolean;
}

interface Territory {
  readonly code: string;
  readonly name: string;
  readonly level: string;
  readonly above: readonly Area[];
  readonly parts: readonly { readonly code: string; readonly name: string }[];
  readonly partLevel: string;
  readonly posts: readonly PostKnown[];
  readonly more: number;
}

export class RostersLeaf implements Leaf {
  readonly needs = null;
  private readonly found = new Known<Territory>(() => this.around.redraw());
  private readonly forms = new Map<string, { readonly exception: ExceptionForm; readonly shift: ShiftForm }>();
  private asked = "";
  private said: HTMLElement | null = null;

  constructor(private readonly around: Around) {}

  open(): void {
    const question = `${this.code()} ${this.around.place().level}`;
    if (question === this.asked || !this.code()) return;
    this.asked = question;
    this.said = null;
    this.forms.clear();
    void this.load(false);
  }

  draw(): (HTMLElement | null)[] {
    const { value, problem } = this.found, writes = this.around.rights().may("WRITE_DUTY");
    return [
      h("p", { class: "lead" }, tell("rosters_lead")), this.finder(),
      writes ? null : h("p", { class: "banner", id: "may-not-write" }, tell("rosters_read_only", this.writers())),
      this.said,
      problem ? adminProblem(problem, () => void this.load()) : null,
      ...(value ? this.territory(value) : problem ? [] : [asking()]),
    ];
  }

  private code(): string {
    const mine = this.around.me()?.territories.find((each) => each !== "*");
    return this.around.place().area || mine || this.around.city()?.code || "";
  }

  private writers(): string {
    const rights = this.around.rights();
    return Object.keys(rights.of("WRITE_DUTY")?.bounds ?? {}).filter((role) => role !== "operator").map((role) => rights.named(role)).join(" · ");
  }

  private load(keeps = true): Promise<void> {
    const code = this.code(), { level } = this.around.place();
    return this.found.ask(() => this.findTerritory(code, level), keeps);
  }

  private async findTerritory(code: string, level: string): Promise<Territory> {
    const around = level === "cell" ? await this.findCell(code) : await this.findArea(code);
    const { posts } = await this.around.api.posts(code);
    const here = posts.filter((each) => each.level === around.level), shown = here.slice(0, MOST_POSTS);
    const now = here.length ? await this.around.api.roster(around.level, code, null) : null;
    const withRules = await Promise.all(shown.map(async (post): Promise<PostKnown> => {
      const [{ shifts }, exceptions] = await Promise.all([this.around.api.shifts(post.code), this.exceptionsOf(post)]);
      const told = now?.posts.find((each) => each.code === post.code);
      return { post, shifts, exceptions, onDuty: told?.on_duty ?? null, gap: told?.gap ?? false };
    }));
    return { ...around, more: here.length - shown.length, posts: withRules };
  }

  private async exceptionsOf(post: Post): Promise<readonly Exception[] | null> {
    if (!this.around.rights().may("WRITE_DUTY")) return null;
    try {
      return (await this.around.api.exceptions(post.code)).exceptions;
    } catch (error) {
      if (error instanceof Refused && error.status === 403) return null; // another's territory
      throw error;
    }
  }

  private async findArea(code: string): Promise<Omit<Territory, "posts" | "more">> {
    const { api } = this.around.api, levels = this.around.city()?.levels ?? [];
    let area: AreaDetail;
    try {
      area = await api.get<AreaDetail>(`v1/areas/${encodeURIComponent(code)}`);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return this.findCell(code);
      throw error;
    }
    const partLevel = levels[levels.indexOf(area.level) + 1] ?? "cell";
    const parts = partLevel === "cell" ? (await api.get<Cells>("v1/cells", { area: code })).cells : (await api.get<Areas>("v1/areas", { parent: code })).areas;
    return { code, name: area.name, level: area.level, above: area.areas, parts, partLevel };
  }

  private async findCell(code: string): Promise<Omit<Territory, "posts" | "more">> {
    const cell = await this.around.api.api.get<CellDetail>(`v1/cells/${encodeURIComponent(code)}`);
    return { code, name: cell.name, level: "cell", above: cell.areas, parts: [], partLevel: "" };
  }

  private finder(): HTMLElement {
    const code = h("input", { required: true, autocomplete: "off", spellcheck: "false", value: this.around.place().area });
    const mine = (this.around.me()?.territories ?? []).map((each) => (each === "*" ? (this.around.city()?.code ?? "") : each)).filter((each) => each);
    return h("form", { class: "filters", role: "search", onsubmit: (event: Event) => {
      event.preventDefault();
      this.around.go({ area: code.value.trim(), level: "" }, true);
    } },
      field("roster-code", tell("roster_code"), code, tell("roster_code_help")),
      h("div", { class: "buttons" }, h("button", { class: "primary", id: "roster-open" }, tell("open")),
        mine.slice(0, 5).map((each) => this.link(each, "", tell("my_territory", each)))));
  }

  private link(area: string, level: string, text: string | HTMLElement): HTMLElement {
    return h("a", { href: `#${new URLSearchParams({ tab: "rosters", area, ...(level ? { level } : {}) })}`, "data-area": area, onclick: (event: Event) => {
      event.preventDefault();
      this.around.go({ area, level }, true);
    } }, text);
  }

  private territory(found: Territory): HTMLElement[] {
    return [
      h("nav", { class: "path", "aria-label": tell("path") }, h("ol", null,
        [...found.above].filter((each) => each.code !== found.code).reverse().map((each) => h("li", null, this.link(each.code, "", data(each.name)))), h("li", { "aria-current": "page" }, data(found.name)))),
      h("h3", { id: "territory", "data-code": found.code }, data(found.name), " ", h("small", { class: "weak code" }, `${told("level", found.level)} ${found.code}`)),
      found.posts.length ? h("ul", { class: "posts" }, found.posts.map((each) => this.post(each, found))) : h("p", { class: "empty" }, tell("no_posts", told("level", found.level))),
      found.more > 0 ? h("p", { class: "weak" }, tell("more_posts", found.more)) : h("p", { hidden: true }),
      found.parts.length ? h("details", { id: "parts", open: found.posts.length === 0 }, h("summary", null, tell("parts", found.parts.length)),
        h("ul", { class: "parts" }, found.parts.map((each) => h("li", null, this.link(each.code, found.partLevel === "cell" ? "cell" : "", data(each.name)), " ", h("span", { class: "weak code" }, each.code))))) : h("p", { hidden: true }),
    ];
  }

  private post({ post, shifts, exceptions, onDuty, gap }: PostKnown, found: Territory): HTMLElement {
    const mayWrite = exceptions !== null;
    return h("li", { class: "post", "data-post": post.code },
      h("div", { class: "post-head" }, h("h4", null, data(post.title), " ", h("small", { class: "weak" }, named("post", post.kind), " · ", h("span", { class: "code" }, post.code))),
        h("a", { class: "phone", href: telephone(post.phone) }, post.phone)),
      h("p", { class: "now" }, onDuty === null ? tell("duty_unknown") : onDuty.length === 0 ? h("span", { class: gap ? "bad" : "weak" }, tell(gap ? "nobody_now_gap" : "nobody_now"))
        : [tell("on_duty_now"), " ", onDuty.map((turn) => this.turn(turn))]),
      post.required ? h("p", { class: "weak" }, tell("required_hours", hours(post.required))) : null,
      shifts.length ? rows(tell("rules_of", post.title), [tell("head_holder"), tell("head_hours"), tell("head_backup"), tell("head_valid"), tell("head_verified"), ...(mayWrite ? [tell("head_do")] : [])], shifts.map((each) => this.shift(post, each, mayWrite)))
        : h("p", { class: "weak" }, tell("no_rules")),
      ...(mayWrite ? [this.exceptions(post, exceptions), ...this.entering(post, found)] : []));
  }

  private turn(turn: Turn): HTMLElement {
    return h("span", { class: "turn" }, h("b", null, data(turn.holder)), " ", h("span", { class: "weak" }, tell("until", fullMoment(turn.until)), turn.stands_in_for ? [" · ", tell("stands_in", turn.stands_in_for)] : null));
  }

  private shift(post: Post, shift: Shift, mayWrite: boolean): HTMLTableRowElement {
    return h("tr", { "data-shift": shift.id },
      h("th", { scope: "row" }, data(shift.holder), shift.holder_code ? h("small", { class: "weak code" }, shift.holder_code) : null),
      h("td", { class: "when" }, hours(shift.hours)), h("td", null, shift.backup ? data(shift.backup) : "–"),
      h("td", { class: "when" }, tell("valid_from_to", shift.valid_from, shift.valid_until ?? tell("open_end"))),
      h("td", null, shift.verified_at ? fullMoment(shift.verified_at) : "–"),
      mayWrite ? h("td", null, h("button", { type: "button", "data-end": shift.id, "aria-label": tell("end_of", shift.holder, shift.hours), onclick: () => this.end(post, shift) }, tell("end_shift"))) : null);
  }

  private exceptions(post: Post, exceptions: readonly Exception[]): HTMLElement | null {
    if (exceptions.length === 0) return null;
    return rows(tell("exceptions_of", post.title), [tell("head_exception"), tell("begins"), tell("ends"), tell("head_do")], exceptions.map((each) => h("tr", { "data-exception": each.id },
      h("th", { scope: "row" }, said(each)), h("td", { class: "when" }, fullMoment(each.begins)), h("td", { class: "when" }, fullMoment(each.ends)),
      h("td", null, h("button", { type: "button", "data-withdraw": each.id, "aria-label": tell("withdraw_of", said(each)), onclick: () => this.withdraw(post, each) }, tell("withdraw"))))));
  }

  private entering(post: Post, found: Territory): HTMLElement[] {
    let forms = this.forms.get(post.code);
    if (!forms) {
      forms = {
        exception: new ExceptionForm(this.around, post, (begins, roster) => {
          const turns = roster?.posts.find((each) => each.code === post.code)?.on_duty ?? [];
          this.said = h("div", { class: "banner good", role: "status", id: "exception-saved" }, h("p", null, h("b", null, tell("exception_saved", post.title))),
            h("p", null, tell("then_on_duty", fullMoment(begins)), " ", turns.length ? turns.map((turn) => this.turn(turn)) : tell("nobody")));
          void this.load();
        }),
        shift: new ShiftForm(this.around, post, (holder) => {
          this.said = h("p", { class: "banner good", role: "status", id: "shift-saved" }, tell("shift_saved", post.title, holder));
          void this.load();
        }),
      };
      this.forms.set(post.code, forms);
    }
    const known = people(found, post);
    return [forms.exception.draw(known), forms.shift.draw(known)];
  }

  private withdraw(post: Post, exception: Exception): void {
    confirm(this.around.dialog, tell("withdraw_title", said(exception)), [
      h("p", null, data(post.title), " · ", fullMoment(exception.begins), " – ", fullMoment(exception.ends)),
      h("ul", { class: "will" }, h("li", null, tell("withdraw_now")), h("li", null, tell("end_known"))),
    ], tell("withdraw_yes"), async () => {
      await this.around.api.withdraw(exception.id);
      this.said = h("p", { class: "banner good", role: "status" }, tell("is_withdrawn", said(exception)));
      await this.load();
    });
  }

  private end(post: Post, shift: Shift): void {
    confirm(this.around.dialog, tell("end_title", shift.holder), [
      h("p", null, data(post.title), " · ", hours(shift.hours)),
      h("ul", { class: "will" }, h("li", null, tell("end_now")), h("li", null, tell("end_known")), post.required ? h("li", null, tell("end_gap", hours(post.required))) : null),
    ], tell("end_yes"), async () => {
      await this.around.api.endShift(shift.id!);
      this.said = h("p", { class: "banner good", role: "status" }, tell("is_ended", shift.holder));
      await this.load();
    });
  }
}

/** Leave: 张三; with who stands in, if somebody is named. */
function said({ kind, holder, substitute }: Exception): string {
  return tell("exception_line", told("exception", kind), [holder, substitute].filter((each) => each).join(" → "));
}

/** Those who hold or back up a post here, those of the post itself first; each once. */
function people(found: Territory, post: Post): readonly Person[] {
  const known = new Map<string, Person>();
  for (const each of [...found.posts].sort((a, b) => Number(b.post.code === post.code) - Number(a.post.code === post.code))) {
    for (const { holder, holder_code, backup, backup_code } of each.shifts) {
      if (holder_code && !known.has(holder_code)) known.set(holder_code, { code: holder_code, name: holder, isHolder: each.post.code === post.code });
      if (backup_code && backup && !known.has(backup_code)) known.set(backup_code, { code: backup_code, name: backup, isHolder: false });
    }
  }
  return [...known.values()];
}

/** 1-5 08:00-20:00 with the days' names. */
function hours(text: string): string {
  return text.replace(/^[1-7](?:[-,][1-7])*(?= )/, (days) => days.replace(/[1-7]/g, (day) => told("day", day)));
}
