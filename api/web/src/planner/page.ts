// The planner's desk: the drafts, one of them drawn on, and the grid's history; each at an address of its own.
import { Api } from "../api";
import { comeBack } from "../come_back";
import { h } from "../dom";
import { moment } from "../format";
import { follow, type News } from "../follow";
import { say } from "../language";
import type { Box } from "./cells";
import { DraftDesk, type Around } from "./desk";
import { History } from "./history";
import { tell } from "./language";
import { listView, MAY_SEE } from "./list";
import type { PlannerMap } from "./map";
import { plannerProblem } from "./problem";
import { Notice } from "./notice";
import { PlannerApi, type Draft } from "./api";
import { NOWHERE, readPlannerPlace, writePlannerPlace, type Place } from "./url";
import { plannerView } from "./view";
import { refill } from "../refill";
import { Shell } from "../shell";
import "../desk.css";
import "../parts.css";
import "./page.css";

const api = new Api();
const shell = new Shell(api, "planner", draw);
const planner = new PlannerApi(api, () => shell.me);
const parts = plannerView();
const around: Around = { api: planner, parts, me: () => shell.me, map: () => map, place: () => place, go, toList };

let place: Place = readPlannerPlace(location.hash);
let desk: DraftDesk | null = null;
let past: History | null = null;
let posted: Notice | null = null;
let drafts: readonly Draft[] | null = null;
let problem: unknown = null;
let map: PlannerMap | null = null;
let known = 0;
let goneSince: string | null = null;
let degraded: News["degraded"] = null;
let news = "";
let started = false;

async function start(): Promise<void> {
  addEventListener("popstate", () => arrive(readPlannerPlace(location.hash)));
  addEventListener("hashchange", () => {
    if (location.hash !== writePlannerPlace(place)) arrive(readPlannerPlace(location.hash));
  });
  document.addEventListener("keydown", keys);
  await shell.start();
  remember();
  started = true;
  route();
  follow(api.asking, hear, lost);
  const { PlannerMap } = await import("./map");
  const bounds = shell.city?.bounds ?? [];
  const box: Box | null = bounds.length === 4 ? [bounds[0]!, bounds[1]!, bounds[2]!, bounds[3]!] : null;
  map = new PlannerMap(parts.stage, api.asking, box, {
    picked: (at, more) => {
      if (desk) void desk.picked(at, more);
      else past?.picked(at);
    },
    moved: () => {
      if (!map || !(desk || past || posted)) return;
      go({ map: map.place() }, false);
      void desk?.lookAround();
      past?.moved();
    },
    state: (text) => {
      parts.mapState.textContent = text;
      parts.mapState.hidden = text === "";
    },
    drawing: {
      edges: () => map?.segments() ?? [],
      finished: (pen, line) => desk?.finished(pen, line),
      keyed: (line) => map?.sketch(line),
    },
    ready: () => {
      desk?.mapReady();
      past?.mapReady();
      posted?.mapReady();
    },
  });
  showMap();
  desk?.mapReady();
  past?.mapReady();
  posted?.mapReady();
}

/** Somebody who was sent an address and had to log in comes back to it. */
function remember(): void {
  const wanted = comeBack("planner", MAY_SEE.has(shell.me?.role ?? ""));
  if (wanted) place = readPlannerPlace(wanted);
}

function arrive(wanted: Place): void {
  const other = wanted.draft !== place.draft || wanted.notice !== place.notice || (wanted.revision === "") !== (place.revision === "");
  place = wanted;
  if (other) route();
  else if (past && wanted.revision) past.show(Number(wanted.revision));
  else draw();
}

function go(change: Partial<Place>, push: boolean): void {
  const before = place;
  place = { ...place, ...change };
  const address = writePlannerPlace(place) || location.pathname;
  if (push) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  if (push && (before.draft !== place.draft || before.revision !== place.revision)) route();
}

function toList(): void {
  go({ ...NOWHERE }, true);
}

/** Opens what the address says: a draft, the history, or the list. */
function route(): void {
  const draft = Number(place.draft), mayDraft = MAY_SEE.has(shell.me?.role ?? "");
  if (desk && desk.number !== draft) {
    desk.close();
    desk = null;
  }
  if (past && !place.revision) {
    past.close();
    past = null;
  }
  if (posted && posted.token !== place.notice) {
    posted.close();
    posted = null;
  }
  news = "";
  if (place.notice) {
    posted ??= new Notice(place.notice, around);
  } else if (draft && mayDraft) {
    if (!desk) {
      desk = new DraftDesk(draft, around);
      void desk.load();
    }
  } else if (place.revision) {
    if (past) past.show(Number(place.revision));
    else past = new History(Number(place.revision), around, api.asking);
  } else {
    void list();
  }
  showMap();
  draw();
  document.getElementById("found")?.focus();
}

async function list(): Promise<void> {
  problem = null;
  if (MAY_SEE.has(shell.me?.role ?? "")) {
    try {
      ({ drafts } = await planner.drafts());
    } catch (error) {
      problem = error;
    }
  }
  draw();
}

async function begin(name: string, reason: string): Promise<void> {
  try {
    const { draft } = await planner.start(name, reason);
    go({ ...NOWHERE, draft: String(draft) }, true);
  } catch (error) {
    problem = error;
    draw();
  }
}

function showMap(): void {
  if (desk || past || posted) return;
  if (known) map?.show(known);
}

function hear(heard: News): void {
  const first = known === 0, newer = heard.revision > known;
  degraded = heard.degraded;
  known = Math.max(known, heard.revision);
  if (newer && !first) {
    news = tell("new_revision", known);
    past?.heard(known);
    if (!desk && !past && !posted) void list();
  }
  showMap();
  if (!desk && !past && !posted && newer) draw();
  else drawBanners();
}

function lost(isGone: boolean): void {
  if (isGone === (goneSince !== null)) return;
  goneSince = isGone ? new Date().toISOString() : null;
  drawBanners();
  if (!isGone && desk) void desk.load();
}

function keys(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (!desk || parts.dialog.open || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
  if (event.key === "Escape") desk.take("choose");
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  document.getElementById(event.shiftKey ? "redo" : "undo")?.click();
}

function draw(): void {
  parts.translate();
  if (parts.root.parentElement !== shell.main) shell.main.replaceChildren(parts.root);
  drawBanners();
  if (desk) {
    desk.draw();
    desk.mapReady();
  } else if (past) {
    past.draw();
  } else if (posted) {
    posted.draw();
    posted.mapReady();
  } else {
    document.title = `${say("desk_planner")} · GridMap`;
    const view = started ? listView({
      me: shell.me, drafts, current: known || null, root: api.root, start: (name, reason) => void begin(name, reason),
      open: (draft) => go({ ...NOWHERE, draft: String(draft) }, true), history: (revision) => go({ ...NOWHERE, revision: String(revision) }, true),
    }) : [h("p", { class: "asking", role: "status" }, tell("loading"))];
    refill(parts.panel, ...(problem ? [plannerProblem(problem, { again: () => void list() })] : []), ...view);
    showMap();
  }
}

function drawBanners(): void {
  refill(parts.banners,
    goneSince ? h("p", { class: "banner warning", role: "status" }, tell("gone", moment(goneSince))) : null,
    degraded && !goneSince ? h("p", { class: "banner warning", role: "status" }, tell("degraded", moment(degraded.since))) : null,
    news && !goneSince ? h("p", { class: "banner good", role: "status" }, news) : null);
  parts.root.dataset["known"] = String(known);
}

void start();
