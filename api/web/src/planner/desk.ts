// A draft on the desk: what is chosen and drawn, each edit sent to the service, and what it answers shown.
import type { Me } from "../api";
import { h } from "../dom";
import { boxOf, DraftCells, type Box, type Position } from "./cells";
import { checkView, publishView } from "./check";
import type { Pen } from "./draw";
import { Hand } from "./hand";
import { headView, publishedView } from "./head";
import { impactView, offencesOf } from "./impact";
import { tell } from "./language";
import type { PlannerMap } from "./map";
import { OpenDraft, refused } from "./open";
import { NOTHING_OVER, type Pin } from "./over";
import { papersView } from "./papers";
import { plannerProblem } from "./problem";
import { ProposalDesk } from "./propose";
import { TABS, tabButtons, type Tab } from "./tabs";
import { talkView } from "./talk";
import { cardView, toolButtons, type Tool } from "./tools";
import type { Done, Edited, PlannerApi } from "./api";
import type { Place } from "./url";
import { legendView, type PlannerParts } from "./view";
import { refill } from "../refill";
import { Refused } from "../service";

export interface Around {
  readonly api: PlannerApi;
  readonly parts: PlannerParts;
  readonly me: () => Me | null;
  readonly map: () => PlannerMap | null;
  readonly place: () => Place;
  readonly go: (change: Partial<Place>, push: boolean) => void;
  readonly toList: () => void;
}

export class DraftDesk {
  private readonly open: OpenDraft;
  private readonly cells: DraftCells;
  private readonly hand: Hand;
  private readonly proposals: ProposalDesk;
  private readonly stop = new AbortController();
  private problem: unknown = null;
  private notes: readonly string[] = [];
  private lit = "";
  private link = "";
  private all = false;
  private marked: { place: Position; code: string } | null = null;
  private busy = false;
  private fitted = false;
  private published: HTMLElement | null = null;
  private readonly head = h("div");
  private readonly trouble = h("div", { class: "trouble" });
  private readonly card = h("div");
  private readonly tabs = h("div", { class: "tabs", role: "tablist" });
  private readonly body = h("div", { class: "tab", role: "tabpanel", id: "tab-body", tabindex: -1 });

  constructor(readonly number: number, private readonly around: Around) {
    this.open = new OpenDraft(number, around.api);
    this.cells = new DraftCells(around.api);
    this.hand = new Hand({ cells: this.cells, map: around.map, edit: (edit) => void this.edit(edit), changed: () => this.handChanged() });
    this.proposals = new ProposalDesk(number, around, {
      show: () => this.drawOver(), redraw: () => this.drawBody(), take: (edits) => void this.takeAll(edits), mayDraw: () => this.mayDraw,
      community: () => this.hand.cells[0]?.properties.community ?? "",
    });
    this.hand.chosen = around.place().cells.split(",").filter(Boolean);
  }

  private get tab(): Tab {
    return TABS.find((each) => each === this.around.place().tab) ?? (this.around.me()?.role === "planner" ? "impact" : "check");
  }

  private get mayDraw(): boolean {
    const me = this.around.me();
    return me !== null && this.open.mayDraw(me.role, me.id);
  }

  /** Reads the draft anew: at first, and after whatever changed it. */
  async load(): Promise<void> {
    try {
      await this.open.read();
      this.problem = null;
      const { whole, change } = this.open;
      this.cells.take(whole!.base, change);
      this.showRevision();
      await Promise.all(this.hand.chosen.map((code) => this.cells.find(code).catch(() => null)));
      this.hand.chosen = this.hand.chosen.filter((code) => this.cells.get(code));
      this.fitOnce();
      void this.open.measure(() => this.measured());
      void this.lookAround();
    } catch (error) {
      this.problem = refused(error);
    }
    this.draw();
  }

  private measured(): void {
    this.drawTabs();
    this.drawBody();
    this.drawOver();
  }

  close(): void {
    this.open.close();
    this.stop.abort();
    this.around.map()?.drawing?.take(null);
    this.around.map()?.lay(NOTHING_OVER);
    refill(this.around.parts.tools);
    this.around.parts.hint.hidden = this.around.parts.key.hidden = true;
  }

  /** The map is there, or another one in its place. */
  mapReady(): void {
    this.showRevision();
    this.fitOnce();
    this.hand.pen();
    this.drawOver();
    void this.lookAround();
  }

  /** A draft is drawn over its base; one that was just published is seen in the revision that it became. */
  private showRevision(): void {
    const { whole } = this.open;
    if (whole) this.around.map()?.show(this.published && whole.revision ? whole.revision : whole.base);
  }

  private fitOnce(): void {
    const map = this.around.map(), { change } = this.open;
    if (this.fitted || !map?.map || !change) return;
    this.fitted = true;
    if (this.around.place().map) map.goTo(this.around.place().map);
    else if (change.after.features.length) map.fit(boxOf(change.after.features.map((each) => each.geometry)));
  }

  async lookAround(): Promise<void> {
    const box = this.around.map()?.box();
    if (box && (await this.look(box))) this.drawOver();
  }

  private async look(box: Box): Promise<boolean> {
    try {
      return await this.cells.look(box, this.stop.signal);
    } catch (error) {
      if (!this.stop.signal.aborted) refused(error); // what cannot be had now is asked for at the next move
      return false;
    }
  }

  async picked(place: Position, more: boolean): Promise<void> {
    if (this.hand.isDrawing) return;
    let cell = this.cells.at(...place);
    if (!cell) {
      await this.look([place[0] - 2e-4, place[1] - 2e-4, place[0] + 2e-4, place[1] + 2e-4]);
      cell = this.cells.at(...place);
    }
    if (cell) this.hand.pick(cell.properties.code, more);
  }

  private handChanged(): void {
    const { parts, place, go } = this.around, codes = this.hand.chosen.join(",");
    if (place().cells !== codes) {
      go({ cells: codes }, false);
      const names = this.hand.cells.map((each) => each.properties.name).join(", ");
      parts.said.textContent = names ? tell("said_chosen", names) : "";
    }
    this.drawTools();
    this.drawCard();
    this.drawOver();
    if (this.tab === "propose" || this.tab === "talk") this.drawBody();
  }

  take(tool: Tool): void {
    this.hand.take(tool);
  }

  finished(pen: Pen, line: readonly Position[]): void {
    this.hand.finished(pen, line);
  }

  private async find(code: string): Promise<void> {
    try {
      const found = await this.cells.find(code);
      if (!found) throw new Refused(404, code);
      this.problem = null;
      this.drawTrouble();
      this.around.map()?.fit(boxOf([found.geometry]));
      this.hand.choose([code]);
    } catch (error) {
      this.fail(error);
    }
  }

  async edit(edit: object): Promise<void> {
    await this.done((version) => this.around.api.edit(this.number, edit, version));
  }

  private step(step: "undo" | "redo"): void {
    void this.done((version) => this.around.api.step(this.number, step, version));
  }

  private async takeAll(edits: readonly object[]): Promise<void> {
    for (const each of edits) {
      await this.edit(each);
      if (this.problem) return;
    }
  }

  private async done(change: (version: number) => Promise<Edited>): Promise<void> {
    if (this.busy || !this.open.whole) return;
    this.busy = true;
    this.problem = null;
    this.drawTools();
    try {
      const { minted, ended, notes } = await change(this.open.whole.version);
      this.notes = notes;
      this.hand.piece = null;
      this.marked = null;
      if (minted.length || ended.length) this.hand.chosen = [];
      this.proposals.forget();
      this.around.parts.said.textContent = minted.length ? tell("said_drawn", minted.join(", ")) : tell("said_done");
      this.busy = false;
      await this.load();
      const next = this.hand.tool === "choose" ? minted.filter((code) => this.cells.get(code)).slice(0, 1) : [];
      if (minted.length || ended.length) this.hand.choose(next);
    } catch (error) {
      this.busy = false;
      this.fail(error);
    }
    this.hand.pen();
  }

  private fail(error: unknown): void {
    this.problem = refused(error);
    this.drawTrouble();
    this.drawTools();
    this.trouble.scrollIntoView({ block: "nearest" });
  }

  private async act(step: string, body: object | null = null, method = "POST"): Promise<unknown> {
    try {
      const answer = await this.around.api.act(this.number, step, body, method);
      await this.load();
      return answer;
    } catch (error) {
      this.fail(error);
      return null;
    }
  }

  private askToPublish(): void {
    const { dialog } = this.around.parts, { whole, certificate, impact } = this.open;
    if (!whole || !certificate || !impact) return;
    refill(dialog, ...publishView({
      draft: whole, certificate, impact, cancel: () => dialog.close(),
      publish: (note, at) => {
        dialog.close();
        void this.publish(note, at);
      },
    }));
    dialog.setAttribute("aria-labelledby", "publish-title");
    dialog.showModal();
  }

  private async publish(note: string, at: string): Promise<void> {
    refill(this.trouble, h("p", { class: "banner", role: "status" }, tell("publishing")));
    const done = (await this.act("publish", { ...(note ? { note } : {}), ...(at ? { at } : {}) })) as Done | null;
    const number = done?.revision ?? null;
    if (!done || number === null) return;
    this.published = publishedView(number, done, () => this.around.go({ draft: "", tab: "", cells: "", revision: String(number) }, true));
    this.showRevision();
    this.draw();
  }

  private readonly toPlace = (place: Position, code: string): void => {
    this.marked = { place, code };
    const cell = this.cells.get(code);
    this.around.map()?.fit(cell ? boxOf([cell.geometry]) : [place[0] - 1e-3, place[1] - 1e-3, place[0] + 1e-3, place[1] + 1e-3]);
    this.drawOver();
  };

  private readonly toCell = (code: string): void => void this.find(code);

  draw(): void {
    const { panel } = this.around.parts;
    if (panel.firstChild !== this.head) panel.replaceChildren(this.head, this.trouble, this.card, this.tabs, this.body);
    document.title = `${this.open.whole?.name ?? tell("draft", this.number)} · GridMap`;
    this.drawHead();
    this.drawTrouble();
    this.drawTools();
    this.drawCard();
    this.drawTabs();
    this.drawBody();
    this.drawOver();
  }

  private drawHead(): void {
    refill(this.head, ...headView(this.number, this.open.whole, this.around.toList));
  }

  private drawTrouble(): void {
    refill(this.trouble, this.problem ? plannerProblem(this.problem, { again: () => void this.load(), goTo: this.toPlace }) : null,
      this.published, this.notes.length ? h("ul", { class: "notes", lang: "en" }, ...this.notes.map((each) => h("li", null, each))) : null);
  }

  /** The tools, and the hint of the one in hand. */
  private drawTools(): void {
    const edits = this.open.whole?.edits ?? [], { tools, hint } = this.around.parts;
    refill(tools, ...toolButtons({
      tool: this.hand.tool, mayDraw: this.mayDraw, busy: this.busy, mayUndo: edits.some((each) => !each.undone), mayRedo: edits.some((each) => each.undone),
      take: (tool) => this.hand.take(tool), undo: () => this.step("undo"), redo: () => this.step("redo"),
    }));
    const shown = this.mayDraw ? this.hand.hint(this.busy) : [];
    hint.hidden = shown.length === 0;
    refill(hint, ...shown);
  }

  private drawCard(): void {
    if (!this.open.whole) return;
    refill(this.card, this.hand.pieceForm(), cardView({
      chosen: this.hand.cells, mayDraw: this.mayDraw, edit: (edit) => void this.edit(edit), find: (code) => void this.find(code), clear: () => this.hand.choose([]),
    }));
  }

  private drawTabs(): void {
    const failing = this.open.certificate?.checks.filter((each) => each.result === "fail").length ?? 0;
    const remarks = this.open.whole?.comments.filter((each) => !each.resolved_by).length ?? 0;
    this.tabs.setAttribute("aria-label", tell("about_draft"));
    refill(this.tabs, ...tabButtons(this.tab, { check: failing, talk: remarks }, (tab) => {
      this.around.go({ tab }, false);
      this.drawTabs();
      this.drawBody();
      this.drawOver();
      document.getElementById(`tab-${tab}`)?.focus();
    }));
  }

  private drawBody(): void {
    this.body.setAttribute("aria-labelledby", `tab-${this.tab}`);
    refill(this.body, this.open.whole ? this.bodyView() : this.problem ? null : h("p", { class: "asking", role: "status" }, tell("loading")));
  }

  private bodyView(): HTMLElement {
    const { whole, impact, change, certificate, measuring, checking } = this.open, draft = whole!, me = this.around.me();
    const problem = this.open.problem ? plannerProblem(this.open.problem, { again: () => void this.open.measure(() => this.measured()), goTo: this.toPlace }) : null;
    const act = (step: string, body?: object): Promise<unknown> => this.act(step, body ?? null);
    const { toCell, toPlace: goTo } = this;
    switch (this.tab) {
      case "impact":
        return problem && impact === null ? problem : impactView({
          impact, change, measuring, cells: this.open.codes, all: this.all, lit: this.lit, toCell, sendPost: this.mayDraw ? (post, to) => void this.edit({ op: "posts", moves: { [post]: to } }) : null, light: (key) => this.lightUp(key), showAll: (all) => {
            this.all = all;
            this.measured();
          },
        });
      case "check": return checkView({ draft, me, certificate, problem, checking, empty: this.open.isEmpty, goTo, toCell, act, publish: () => this.askToPublish() });
      case "talk": return talkView({ draft, chosen: this.hand.cells[0] ?? null, goTo, toCell, centre: () => this.centre(), act });
      case "propose": return this.proposals.view();
      case "papers":
        return papersView({ draft, me, api: this.around.api, drafts: this.open.others, link: this.link, notice: (up) => void this.notice(up),
          patch: (body) => void this.patch(body), discard: () => void this.discard() });
    }
  }

  private centre(): Position | null {
    const at = this.around.map()?.map?.getCenter();
    return at ? [at.lng, at.lat] : null;
  }

  private lightUp(key: string): void {
    this.lit = this.lit === key ? "" : key;
    this.measured();
    const finding = this.open.impact?.principles.find((each) => each.key === this.lit);
    if (finding) this.around.map()?.fitShapes(offencesOf(finding, this.open.codes, this.all).map((each) => each.geometry as unknown as GeoJSON.Geometry));
  }

  private async notice(up: boolean): Promise<void> {
    const made = (await this.act("notice", up ? {} : null, up ? "POST" : "DELETE")) as { path: string } | null;
    this.link = made ? new URL(`planner#notice=${made.path.split("/").pop()}`, location.href).href : "";
    this.drawBody();
  }

  private async patch(body: object): Promise<void> {
    try {
      await this.around.api.patch(this.number, body);
      await this.load();
    } catch (error) {
      this.fail(error);
    }
  }

  private async discard(): Promise<void> {
    if (!confirm(tell("discard_sure", this.open.whole?.name ?? ""))) return;
    try {
      await this.around.api.discard(this.number);
      this.around.toList();
    } catch (error) {
      this.fail(error);
    }
  }

  private drawOver(): void {
    const map = this.around.map(), { change, impact } = this.open;
    if (!map || !change) return;
    const offences = this.tab !== "impact" ? [] : (impact?.principles ?? []).filter((each) => (this.lit ? each.key === this.lit : each.key !== "fixed")).flatMap((each) => offencesOf(each, this.open.codes, this.all));
    map.snapTo(this.hand.showsVertices && this.mayDraw ? this.cells.all() : []);
    refill(this.around.parts.key, legendView());
    this.around.parts.key.hidden = false;
    map.lay({
      before: this.published ? [] : change.before.features, after: change.after.features, chosen: this.hand.cells,
      shown: this.tab === "propose" ? this.proposals.shown() : [], offences, pins: this.pins(), vertices: this.hand.showsVertices && this.mayDraw,
    });
  }

  private pins(): Pin[] {
    const wrong: Pin[] = this.marked ? [{ label: this.marked.code || "!", place: this.marked.place, tone: "wrong", pick: () => undefined }] : [];
    const remarks = this.tab === "talk" ? (this.open.whole?.comments ?? []).filter((each) => each.point && !each.resolved_by) : [];
    return [...wrong, ...remarks.map(({ id, point }): Pin => ({
      label: String(id), place: [point![0]!, point![1]!], tone: "remark", pick: () => document.getElementById(`remark-${id}`)?.focus(),
    }))];
  }
}
