// A draft at public notice: what everybody who has the link sees of it. The link's token stands behind the #.
import { data, h } from "../dom";
import { fullMoment } from "../format";
import { boxOf } from "./cells";
import type { Around } from "./desk";
import { offencesOf, principle } from "./impact";
import { tell } from "./language";
import { pill } from "./list";
import { NOTHING_OVER } from "./over";
import { plannerProblem } from "./problem";
import type { Noticed } from "./api";
import { refill } from "../refill";

export class Notice {
  private found: Noticed | null = null;
  private problem: unknown = null;
  private lit = "";
  private fitted = false;

  constructor(readonly token: string, private readonly around: Around) {
    void this.load();
  }

  async load(): Promise<void> {
    try {
      this.found = await this.around.api.notice(this.token);
      this.problem = null;
    } catch (error) {
      this.problem = error;
    }
    this.draw();
    this.mapReady();
  }

  close(): void {
    this.around.map()?.lay(NOTHING_OVER);
  }

  mapReady(): void {
    const map = this.around.map(), { found } = this;
    if (!map || !found) return;
    map.show(found.base);
    const offences = found.principles.filter((each) => each.key === this.lit).flatMap((each) => offencesOf(each, this.codes, false));
    map.lay({ ...NOTHING_OVER, before: found.before.features, after: found.after.features, offences });
    if (this.fitted || !map.map) return;
    this.fitted = true;
    if (found.after.features.length) map.fit(boxOf(found.after.features.map((each) => each.geometry)));
  }

  private get codes(): ReadonlySet<string> {
    return new Set(this.found?.after.features.map((each) => each.properties.code));
  }

  draw(): void {
    const { panel, tools, hint } = this.around.parts, { found } = this;
    document.title = `${found?.name ?? tell("notice")} · GridMap`;
    refill(tools);
    hint.hidden = true;
    refill(panel,
      h("p", { class: "weak" }, tell("notice")),
      h("h1", { id: "found", tabindex: -1 }, found ? [data(found.name), " ", pill(found.state)] : tell("notice")),
      this.problem ? plannerProblem(this.problem, { again: () => void this.load() }) : null,
      found || this.problem ? null : h("p", { class: "asking", role: "status" }, tell("loading")),
      ...(found ? this.view(found) : []));
  }

  private view(found: Noticed): (HTMLElement | null)[] {
    const cells = (side: "before" | "after"): HTMLElement => h("ul", { class: "parts" }, found[side].features.map(({ properties: { code, name } }) =>
      h("li", null, data(name), " ", h("span", { class: "code weak" }, code))));
    return [
      found.reason ? h("p", null, data(found.reason)) : null,
      found.publish_at ? h("p", null, tell("is_scheduled", fullMoment(found.publish_at))) : null,
      found.revision ? h("p", null, tell("is_published", found.revision)) : null,
      h("h3", null, tell("notice_before", found.cells_before)), cells("before"), h("h3", null, tell("notice_after", found.cells_after)), cells("after"),
      h("h3", null, tell("principles")), h("p", { class: "weak" }, tell("principles_help")),
      h("ul", { class: "principles" }, found.principles.map((each) => principle({ cells: this.codes, all: false, lit: this.lit, light: (key) => {
        this.lit = this.lit === key ? "" : key;
        this.draw();
        this.mapReady();
      } }, each))),
    ];
  }
}
