// The admin's desk: keys, roles, loads, rosters and the trace, each a leaf at an address of its own.
import { Api } from "../api";
import { comeBack } from "../come_back";
import { h } from "../dom";
import { follow, type News } from "../follow";
import { moment } from "../format";
import { say } from "../language";
import { refill } from "../refill";
import { Shell } from "../shell";
import { tabButtons } from "../tabs";
import { AdminApi, type Roles } from "./api";
import { AuditLeaf } from "./audit";
import { KeysLeaf } from "./keys";
import { Known } from "./known";
import { adminProblem, asking, type Around, type Leaf } from "./leaf";
import { LoadsLeaf } from "./loads";
import { noWay, Rights } from "./rights";
import { RolesLeaf } from "./roles";
import { RostersLeaf } from "./rosters";
import { NOWHERE, readAdminPlace, writeAdminPlace, type Place } from "./url";
import { tell } from "./words";
import "../parts.css";
import "./page.css";

const TABS = ["keys", "roles", "loads", "rosters", "audit"] as const;
type Tab = (typeof TABS)[number];
// Where each role's work is; who has no work here reads the table.
const FIRST: Readonly<Record<string, Tab>> = {
  key_admin: "keys", system_admin: "keys", auditor: "audit", dispatcher: "rosters", publisher: "rosters", caseworker: "loads", planner: "loads",
};

const api = new Api();
const shell = new Shell(api, "admin", draw);
const admin = new AdminApi(api, () => shell.me);
const table = new Known<Roles>(() => draw());
const dialog = h("dialog", { class: "confirm" });
const banners = h("div", { class: "banners" }), head = h("div", { class: "admin-head" }), tabs = h("div", { class: "tabs", role: "tablist" });
const body = h("div", { class: "tab", id: "tab-body", role: "tabpanel", tabindex: 0 });
const root = h("div", { class: "admin" }, banners, head, tabs, body, dialog);

const around: Around = {
  api: admin, me: () => shell.me, city: () => shell.city, rights: () => rights!, place: () => place, dialog,
  login: () => `login?${new URLSearchParams({ next: `${api.root.pathname}admin` })}`, go, redraw: draw,
};
const leaves: Readonly<Record<Tab, Leaf>> = {
  keys: new KeysLeaf(around), roles: new RolesLeaf(around), loads: new LoadsLeaf(around), rosters: new RostersLeaf(around), audit: new AuditLeaf(around),
};

let place: Place = readAdminPlace(location.hash);
let rights: Rights | null = null;
let goneSince: string | null = null;
let degraded: News["degraded"] = null;

async function start(): Promise<void> {
  addEventListener("popstate", () => arrive());
  addEventListener("hashchange", () => {
    if (location.hash !== writeAdminPlace(place)) arrive();
  });
  await shell.start();
  follow(api.asking, (news) => {
    degraded = news.degraded;
    drawBanners();
  }, lost);
  await findTable();
}

async function findTable(): Promise<void> {
  await table.ask(() => admin.roles());
  if (table.value) {
    rights = new Rights(table.value, shell.me);
    const wanted = comeBack("admin", mayOpen(leaves[tab()]));
    if (wanted) place = readAdminPlace(wanted);
  }
  open();
  draw();
}

function tab(): Tab {
  return TABS.find((each) => each === place.tab) ?? FIRST[shell.me?.role ?? ""] ?? "roles";
}

/** Shows what stands behind the #. */
function arrive(): void {
  place = readAdminPlace(location.hash);
  open();
  draw();
}

function go(change: Partial<Place>, push: boolean): void {
  place = { ...place, tab: tab(), ...change };
  const address = writeAdminPlace(place);
  if (push) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  if (!push) return;
  open();
  draw();
}

function select(wanted: Tab): void {
  go({ ...NOWHERE, tab: wanted }, true);
  document.getElementById(`tab-${wanted}`)?.focus();
}

function mayOpen(leaf: Leaf): boolean {
  return leaf.needs === null || rights!.may(leaf.needs);
}

function open(): void {
  if (rights && mayOpen(leaves[tab()])) leaves[tab()].open();
}

function lost(isGone: boolean): void {
  if (isGone === (goneSince !== null)) return;
  goneSince = isGone ? new Date().toISOString() : null;
  drawBanners();
  if (isGone) return;
  if (rights === null) void findTable();
  else open();
}

function draw(): void {
  if (root.parentElement !== shell.main) shell.main.replaceChildren(root);
  const current = tab(), leaf = leaves[current];
  document.title = `${tell(`tab_${current}`)} · ${say("desk_admin")} · GridMap`;
  tabs.setAttribute("aria-label", say("desk_admin"));
  refill(head, h("h1", { id: "found", tabindex: -1 }, say("desk_admin")));
  refill(tabs, ...tabButtons(TABS, current, (each) => [tell(`tab_${each}`)], select));
  body.setAttribute("aria-labelledby", `tab-${current}`);
  body.dataset["tab"] = current;
  drawBanners();
  if (rights === null) refill(body, table.problem ? adminProblem(table.problem, () => void findTable()) : asking());
  else refill(body, ...(mayOpen(leaf) ? leaf.draw() : [noWay(rights, leaf.needs!, around.login())]));
}

function drawBanners(): void {
  refill(banners,
    goneSince ? h("p", { class: "banner warning", role: "status" }, tell("gone", moment(goneSince))) : null,
    degraded && !goneSince ? h("p", { class: "banner warning", role: "status" }, tell("degraded", moment(degraded.since))) : null);
}

void start();
