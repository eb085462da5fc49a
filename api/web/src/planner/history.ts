// The grid's history: a slider over its revisions, before and after under a line that one pulls across, what differs,
// and the way back.
import { data, h } from "../dom";
import { fullMoment } from "../format";
import { language } from "../language";
import { boxOf, contains, type Position } from "./cells";
import type { Around } from "./desk";
import { number, percent } from "./figures";
import { tell, told } from "./language";
import type { PlannerMap } from "./map";
import { NOTHING_OVER } from "./over";
import { plannerProblem } from "./problem";
import type { Difference, Part, Revision, Shape } from "./api";
import { refill } from "../refill";
import { Refused, type Service } from "../service";

const NO_SHAPE: Shape = { type: "Polygon", coordinates: [] };

export class History {
  private revisions: readonly Revision[] | null = null;
  private found: Difference | null = null;
  private shapes: readonly GeoJSON.Feature[] = [];
  private problem: unknown = null;
  private earlier: PlannerMap | null = null;
  private share = 50;
  private stop = new AbortController();
  private restored = 0;
  private opening = false;

  constructor(private revision: number, private readonly around: Around, private readonly service: Service) {
    void this.load();
  }

  private get before(): number {
    return this.revision - 1;
  }

  async load(): Promise<void> {
    try {
      this.revisions = (await this.around.api.revisions()).revisions;
      this.problem = null;
    } catch (error) {
      this.problem = error;
    }
    this.show(this.revision);
  }

  /** Another revision, beside the one before it. */
  show(revision: number): void {
    const newest = this.revisions?.[0]?.revision ?? revision;
    this.revision = Math.min(Math.max(1, Math.round(revision) || newest), newest);
    this.around.go({ revision: String(this.revision) }, false);
    this.mapReady();
    this.draw();
    void this.compare();
  }

  heard(newest: number): void {
    void this.load();
    if (this.revision === newest - 1) this.revision = newest;
  }

  /** Both maps as the address and the slider have them. */
  mapReady(): void {
    const map = this.around.map();
    if (!map) return;
    map.show(this.revision);
    if (this.around.place().map && map.map && map.place() !== this.around.place().map && !this.earlier) map.goTo(this.around.place().map);
    this.swipe();
  }

  moved(): void {
    const map = this.around.map()?.map;
    if (map && this.earlier?.map) this.earlier.map.jumpTo({ center: map.getCenter(), zoom: map.getZoom() });
  }

  picked(at: Position): void {
    const row = this.found?.cells.find((each) => !gotVertices(each) && contains(this.shapeOf(each) ?? NO_SHAPE, at));
    if (row) document.getElementById(`part-${row.from}-${row.to}`)?.focus();
  }

  close(): void {
    this.stop.abort();
    const { earlier, swipe } = this.around.parts;
    earlier.hidden = swipe.hidden = true;
    earlier.replaceChildren();
    swipe.replaceChildren();
    this.earlier = null;
    this.around.map()?.lay(NOTHING_OVER);
  }

  private async beside(): Promise<void> {
    if (this.opening) return;
    this.opening = true;
    const { earlier } = this.around.parts, { PlannerMap: Beside } = await import("./map");
    this.earlier = new Beside(earlier, this.service, this.around.map()?.box() ?? null, {
      picked: () => undefined, moved: () => undefined, state: () => undefined, drawing: null,
      ready: () => {
        this.moved();
        this.lay();
      },
    });
    this.swipe();
  }

  private swipe(): void {
    const { earlier, swipe } = this.around.parts;
    const shown = this.before >= 1;
    earlier.hidden = swipe.hidden = !shown;
    if (!shown) return;
    if (!document.getElementById("swipe")) {
      const slider = h("input", { type: "range", id: "swipe", min: 0, max: 100, value: this.share, oninput: () => {
        this.share = Number(slider.value);
        this.cut();
      } });
      refill(swipe, h("span", { class: "swipe-line" }), h("div", { class: "swipe-bar" }, h("span", { id: "swipe-before", class: "when" }), slider, h("span", { id: "swipe-after", class: "when" })));
    }
    if (this.earlier) this.earlier.show(this.before);
    else void this.beside();
    const slider = document.getElementById("swipe");
    slider?.setAttribute("aria-label", tell("swipe"));
    document.getElementById("swipe-before")!.textContent = tell("revision", this.before);
    document.getElementById("swipe-after")!.textContent = tell("revision", this.revision);
    this.cut();
  }

  /** The earlier map lies on the later one and is seen left of the line. */
  private cut(): void {
    const { earlier, swipe } = this.around.parts;
    earlier.style.clipPath = `inset(0 ${100 - this.share}% 0 0)`;
    (swipe.querySelector(".swipe-line") as HTMLElement).style.left = `${this.share}%`;
  }

  private async compare(): Promise<void> {
    this.stop.abort();
    const mine = (this.stop = new AbortController());
    [this.found, this.shapes] = [null, []];
    if (this.before < 1) {
      this.lay();
      return;
    }
    try {
      const [found, shapes] = await Promise.all([
        this.around.api.difference(this.before, this.revision, mine.signal), this.around.api.differenceShapes(this.before, this.revision, mine.signal)]);
      [this.found, this.shapes, this.problem] = [found, shapes.features, null];
      if (this.shapes.length && !this.around.place().map) this.around.map()?.fit(boxOf(this.shapes.map((each) => each.geometry as Shape)));
    } catch (error) {
      if (mine.signal.aborted) return;
      this.problem = error;
    }
    this.lay();
    this.draw();
  }

  private lay(): void {
    const parts = (this.found?.cells ?? []).filter((each) => !gotVertices(each));
    const side = (name: string, codes: readonly string[]): GeoJSON.Feature[] =>
      this.shapes.filter((each) => each.properties?.["side"] === name && codes.includes(each.properties["code"] as string)).map((each) => ({ ...each, properties: {} }));
    this.around.map()?.lay({ ...NOTHING_OVER, shown: side("after", parts.map((each) => each.to)) });
    this.earlier?.lay({ ...NOTHING_OVER, shown: side("before", parts.map((each) => each.from)) });
  }

  draw(): void {
    const { panel, tools, hint } = this.around.parts;
    document.title = `${tell("history")} · GridMap`;
    refill(tools);
    hint.hidden = true;
    const newest = this.revisions?.[0]?.revision ?? this.revision;
    const now = this.revisions?.find((each) => each.revision === this.revision);
    const slider = h("input", { type: "range", id: "revision", min: 1, max: newest, value: this.revision, list: "revisions", onchange: () => this.show(Number(slider.value)),
      oninput: () => (document.getElementById("revision-said")!.textContent = tell("revision", slider.value)) });
    this.swipe();
    refill(panel,
      h("p", { class: "back" }, h("a", { href: "planner", id: "to-list", onclick: (event: Event) => {
        event.preventDefault();
        this.around.toList();
      } }, tell("all_drafts"))),
      h("h1", { id: "found", tabindex: -1 }, tell("history")),
      this.problem ? plannerProblem(this.problem, { again: () => void this.load() }) : null,
      this.restored ? h("p", { class: "banner good", role: "status" }, tell("restored", this.restored)) : null,
      h("div", { class: "slider" }, h("label", { for: "revision" }, h("span", { id: "revision-said" }, tell("revision", this.revision)), h("span", { class: "weak" }, ` / ${newest}`)),
        h("div", { class: "line" }, this.stepButton(-1, newest), slider, this.stepButton(1, newest))),
      now ? this.about(now, newest) : h("p", { class: "asking", role: "status" }, tell("loading")),
      this.differences());
  }

  private stepButton(by: number, newest: number): HTMLElement {
    const to = this.revision + by;
    return h("button", { type: "button", id: by < 0 ? "one-back" : "one-on", disabled: to < 1 || to > newest, "aria-label": tell(by < 0 ? "one_back" : "one_on"), onclick: () => this.show(to) }, by < 0 ? "‹" : "›");
  }

  private about(now: Revision, newest: number): HTMLElement {
    return h("section", { "data-revision": now.revision },
      h("p", null, now.note ? data(now.note) : h("span", { class: "weak" }, tell("no_note"))),
      h("p", { class: "weak" }, tell("revision_line", fullMoment(now.valid_from), number(now.cells), now.actor ?? "–")),
      h("p", { class: "weak" }, Object.entries(now.kinds).map(([kind, count]) => `${told("kinds", kind)} ${number(count)}`).join(" · ")),
      this.around.me() && this.around.me()?.role !== "public" ? h("p", null, tell("dossier"), " ", ["html", "pdf", "xlsx"].map((form) => [h("a", { href: this.around.api.paper("revisions", now.revision, form, language()), target: "_blank", rel: "noopener" }, form.toUpperCase()), " "])) : null,
      this.around.me()?.role === "publisher" && now.revision < newest ? h("p", null, h("button", { type: "button", id: "restore", onclick: () => this.askToRestore(now, newest) }, tell("restore", now.revision))) : null);
  }

  private differences(): HTMLElement {
    if (this.before < 1) return h("p", { class: "empty" }, tell("the_first"));
    if (!this.found) return h("p", { class: "asking", role: "status" }, this.problem ? "" : tell("comparing"));
    const { cells, areas, next } = this.found, vertices = cells.filter(gotVertices).length;
    return h("section", { id: "differences" }, h("h3", null, tell("differs", this.before, this.revision)),
      cells.length + areas.length === 0 ? h("p", { class: "empty" }, tell("same")) : null,
      h("ul", { class: "parts" }, cells.map((each) => gotVertices(each) ? null : h("li", { id: `part-${each.from}-${each.to}`, tabindex: -1 }, h("button", { type: "button", class: "link", onclick: () => this.toPart(each) },
        h("span", { class: "code" }, each.from), each.from === each.to ? "" : [" → ", h("span", { class: "code" }, each.to)]), " ", h("span", { class: "weak" }, aboutPart(each))))),
      vertices ? h("p", { class: "weak" }, tell("cells_touched", vertices)) : null,
      next ? h("p", { class: "weak" }, tell("and_others")) : null,
      areas.length ? h("ul", null, areas.map((each) => h("li", null, h("span", { class: "code" }, each.code), " ", told("area", each.change)))) : null);
  }

  private toPart(part: Part): void {
    const shape = this.shapeOf(part);
    if (shape) this.around.map()?.fit(boxOf([shape]));
  }

  private shapeOf(part: Part): Shape | null {
    const found = this.shapes.find(({ properties }) => properties?.["side"] === "after" && properties["code"] === part.to);
    return (found?.geometry as Shape | undefined) ?? null;
  }

  private askToRestore(revision: Revision, newest: number): void {
    const { dialog } = this.around.parts;
    const note = h("input", { id: "restore-note", maxlength: 1000, value: tell("restore_note", revision.revision), autocomplete: "off" });
    refill(dialog, h("h2", { id: "restore-title" }, tell("restore", revision.revision)),
      h("ul", { class: "will" }, h("li", null, tell("restore_will", newest + 1, revision.revision, number(revision.cells))), h("li", null, tell("restore_codes")), h("li", null, tell("restore_undone", newest))),
      h("form", { class: "fields", onsubmit: (event: Event) => {
        event.preventDefault();
        dialog.close();
        void this.restoreIt(revision.revision, note.value.trim());
      } }, h("label", { for: "restore-note" }, tell("publish_note")), note, h("div", { class: "buttons" },
        h("button", { id: "restore-now", class: "primary" }, tell("restore_now", newest + 1)), h("button", { type: "button", onclick: () => dialog.close() }, tell("not_now")))));
    dialog.setAttribute("aria-labelledby", "restore-title");
    dialog.showModal();
  }

  private async restoreIt(revision: number, note: string): Promise<void> {
    try {
      this.restored = (await this.around.api.restore(revision, note)).revision;
      this.revision = this.restored;
      await this.load();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.problem = error;
      this.draw();
    }
  }
}

function aboutPart(part: Part): string {
  const shares = tell("part_line", percent(part.area_share, 1), number(part.area_m2));
  const changes = part.changes.split(" ").filter(Boolean).map((each) => told("change", each)).join(tell("comma"));
  return changes ? `${shares} · ${changes}` : shares;
}

/** All of its ground stays in it: it only got vertices, or ground of others, which is told where it was. */
function gotVertices(part: Part): boolean {
  return part.from === part.to && part.changes === "shape" && part.area_share > 0.999999;
}
