// Keys: which there are and when they were last used, one given out, one revoked.
import { data, h } from "../dom";
import { cityNow, fullMoment } from "../format";
import type { AreaRow, Areas } from "../api";
import type { GivenKey, Key } from "./api";
import { KeyForm } from "./key_form";
import { Known } from "./known";
import { adminProblem, asking, confirm, rows, type Around, type Leaf } from "./leaf";
import { tell, told } from "./words";

const STATES = ["valid", "ended", "all"] as const;
// A key that nobody used for so long is asked about.
const IDLE_DAYS = 90;
const DAY_MS = 86_400_000;

export class KeysLeaf implements Leaf {
  readonly needs = "GIVE_KEYS";
  private readonly keys = new Known<readonly Key[]>(() => this.around.redraw());
  private readonly form: KeyForm;
  private given: GivenKey | null = null;
  private said = "";
  /** Names of the areas that keys are usually for. */
  private areas: readonly AreaRow[] = [];

  constructor(private readonly around: Around) {
    this.form = new KeyForm(around, () => this.areas, (given) => {
      this.given = given;
      this.said = "";
      void this.load();
    });
  }

  open(): void {
    if (this.keys.value === null && !this.keys.asking) void this.load();
    if (this.areas.length === 0) void this.findAreas();
  }

  draw(): (HTMLElement | null)[] {
    const { keys } = this;
    return [
      h("p", { class: "lead" }, tell("keys_lead")),
      this.given ? this.givenView(this.given) : null,
      this.said ? h("p", { class: "banner good", role: "status" }, this.said) : null,
      this.form.draw(),
      keys.problem ? adminProblem(keys.problem, () => void this.load()) : null,
      keys.value ? this.list(keys.value) : keys.problem ? null : asking(),
    ];
  }

  private load(): Promise<void> {
    return this.keys.ask(async () => (await this.around.api.keys()).keys);
  }

  private async findAreas(): Promise<void> {
    const levels = this.around.city()?.levels.slice(0, 3) ?? [];
    try {
      const found = await Promise.all(levels.map((level) => this.around.api.api.get<Areas>("v1/areas", { level })));
      this.areas = found.flatMap((each) => each.areas);
      this.around.redraw();
    } catch {
      // then codes stand without their names
    }
  }

  /** The one time that a key's text is seen. */
  private givenView(given: GivenKey): HTMLElement {
    const text = h("input", { id: "key-text", readonly: true, class: "code", spellcheck: "false", autocomplete: "off", value: given.key });
    const copy = h("button", { type: "button", class: "primary", id: "copy-key", onclick: () => {
      text.select();
      const done = (): void => {
        copy.textContent = tell("copied");
      };
      // Without https a browser has no clipboard to write to; then the selected text is copied, or by hand.
      if (navigator.clipboard) void navigator.clipboard.writeText(given.key).then(done, () => undefined);
      else if (document.execCommand("copy")) done();
    } }, tell("copy"));
    return h("section", { class: "given", role: "status", "aria-label": tell("given", given.holder) },
      h("h3", null, tell("given", given.holder)),
      h("p", null, h("b", null, tell("given_once"))),
      h("div", { class: "line" }, h("label", { class: "hidden", for: "key-text" }, tell("key_text")), text, copy),
      h("p", null, given.role === "public" ? tell("given_public") : tell("given_secret")),
      h("p", null, h("button", { type: "button", id: "key-kept", onclick: () => {
        this.given = null;
        this.around.redraw();
      } }, tell("given_kept"))));
  }

  private list(keys: readonly Key[]): HTMLElement {
    const state = STATES.find((each) => each === this.around.place().state) ?? "valid";
    const shown = keys.filter((each) => state === "all" || (each.state === "valid") === (state === "valid"));
    const body = shown.map((each) => this.row(each));
    const none = h("p", { class: "empty", hidden: true }, tell("no_key_found"));
    const find = h("input", { id: "find-key", type: "search", autocomplete: "off", value: this.around.place().find, oninput: () => {
      this.around.go({ find: find.value.trim() }, false);
      narrow();
    } });
    const narrow = (): void => {
      const words = find.value.toLowerCase().split(/\s+/);
      for (const row of body) row.hidden = !words.every((word) => row.dataset["text"]!.includes(word));
      none.hidden = body.some((row) => !row.hidden);
    };
    narrow();
    const count = (each: (typeof STATES)[number]): number => keys.filter((key) => each === "all" || (key.state === "valid") === (each === "valid")).length;
    return h("section", { "aria-labelledby": "keys-title" },
      h("h3", { id: "keys-title", class: "hidden" }, tell("keys_list")),
      h("div", { class: "bar" },
        h("div", { class: "segments", role: "group", "aria-label": tell("which_keys") }, STATES.map((each) =>
          h("button", { type: "button", id: `keys-${each}`, "aria-pressed": String(each === state), onclick: () => this.around.go({ state: each === "valid" ? "" : each }, true) },
            tell(`keys_${each}`), " ", h("span", { class: "figure" }, count(each))))),
        h("div", { class: "find" }, h("label", { for: "find-key" }, tell("find_key")), find)),
      keys.length === 0 ? h("p", { class: "empty" }, tell("no_keys_yet"))
        : rows(tell("keys_list"), [tell("head_holder"), tell("head_role"), tell("head_territories"), tell("head_last_use"), tell("head_ends"), tell("head_do")], body),
      keys.length === 0 ? null : none);
  }

  private row(key: Key): HTMLTableRowElement {
    const { around } = this, rights = around.rights();
    const where = key.role === "public" ? key.origins : key.territories.map((code) => this.place(code));
    const row = h("tr", { "data-key": key.id, class: key.state === "valid" ? null : "over" },
      h("th", { scope: "row" }, h("b", null, data(key.holder)), h("small", null, data(key.label)), h("small", { class: "weak code" }, key.id)),
      h("td", null, rights.named(key.role), key.scopes.length ? h("small", { class: "weak" }, tell("only_scopes", key.scopes.map((each) => told("scope", each)).join(" · "))) : null),
      h("td", null, where.map((each) => h("span", { class: "code place" }, data(each)))),
      h("td", null, key.last_used_on ?? h("span", { class: "weak" }, tell("never_used")), isIdle(key) ? h("small", null, h("span", { class: "pill" }, tell("idle", IDLE_DAYS))) : null),
      h("td", null, key.expires_at ? fullMoment(key.expires_at) : h("span", { class: "weak" }, tell("no_end"))),
      h("td", null, key.state === "valid"
        ? h("button", { type: "button", "data-revoke": key.id, "aria-label": tell("revoke_of", key.holder, key.label), onclick: () => this.revoke(key) }, tell("revoke"))
        : h("span", null, h("span", { class: `pill ${key.state}` }, told("state", key.state)),
          key.revoked_at ? h("small", { class: "weak" }, tell("revoked_by", fullMoment(key.revoked_at), key.revoked_by ?? "")) : null)));
    row.dataset["text"] = [key.id, key.holder, key.label, key.role, rights.named(key.role), ...where].join(" ").toLowerCase();
    return row;
  }

  private place(code: string): string {
    if (code === "*") return tell("everywhere");
    const name = this.areas.find((each) => each.code === code)?.name;
    return name ? `${name} ${code}` : code;
  }

  private revoke(key: Key): void {
    confirm(this.around.dialog, tell("revoke_title", key.holder), [
      h("p", null, data(key.label), " · ", this.around.rights().named(key.role)),
      h("ul", { class: "will" }, h("li", null, tell("revoke_at_once")), h("li", null, tell("revoke_sessions")),
        h("li", null, key.last_used_on ? tell("revoke_used", key.last_used_on) : tell("revoke_unused")), h("li", null, tell("revoke_for_good"))),
    ], tell("revoke_now"), async () => {
      await this.around.api.revoke(key.id);
      if (this.given?.id === key.id) this.given = null;
      this.said = tell("is_revoked", key.holder);
      await this.load();
    });
  }
}

function isIdle(key: Key): boolean {
  if (key.state !== "valid") return false;
  const since = Date.parse(key.last_used_on ?? key.created_at);
  return Date.parse(cityNow()) - since > IDLE_DAYS * DAY_MS;
}
