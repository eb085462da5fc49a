// The way in: what this city's grid is, the one question that it answers, and the desks.
import { Api, type CurrentRevision } from "./api";
import { data, h } from "./dom";
import { fullMoment, label } from "./format";
import { language, say } from "./language";
import { NOTHING, writePlace } from "./place_url";
import { DESKS, Shell, workOffline } from "./shell";
import "./way_in.css";

const api = new Api();
let revision: CurrentRevision | null = null;
let isGone = false;
const shell = new Shell(api, "", draw);

function draw(): void {
  document.title = shell.city ? `${label(shell.city.name, shell.city.name_en)} · GridMap` : "GridMap";
  const box = h("input", { id: "box", type: "search", name: "place", maxlength: 2000, autocomplete: "off", "aria-describedby": "box-help" });
  const form = h("form", { role: "search", class: "box", onsubmit: (event: Event) => {
    event.preventDefault();
    location.href = `dispatcher${writePlace({ ...NOTHING, text: box.value.trim() })}`;
  } },
    h("label", { for: "box" }, say("box")),
    h("div", { class: "line" }, box, h("button", { class: "primary" }, say("look_up"))),
    h("p", { id: "box-help", class: "weak" }, say("box_help_way_in")));
  shell.main.replaceChildren(h("div", { class: "way-in" },
    h("h1", null, shell.city ? say("who_covers", label(shell.city.name, shell.city.name_en)) : say("who_covers_place")),
    isGone ? h("p", { class: "banner warning" }, say("way_in_gone")) : null,
    h("p", { class: "lead" }, say("what_is_a_grid")),
    form,
    h("ul", { class: "desks" }, DESKS.map((desk) => h("li", { class: desk.ready ? "ready" : "" },
      h("h2", null, desk.ready ? h("a", { href: desk.path }, say(desk.name)) : say(desk.name)),
      h("p", null, say(desk.about)), desk.ready ? null : h("p", { class: "weak" }, say("not_yet"))))),
    revision ? h("p", { class: "weak" }, say("grid_facts", revision.revision, revision.cells.toLocaleString(language()), fullMoment(revision.published_at))) : null,
    shell.city ? h("p", { class: "emergency" }, say("emergency"), " ", shell.city.emergency.map((number) => [h("a", { class: "phone", href: `tel:${number}` }, data(number)), " "])) : null));
}

async function findRevision(): Promise<void> {
  try {
    revision = await api.get<CurrentRevision>("v1/revisions/current");
  } catch {
    isGone = true;
  }
}

await Promise.all([shell.start(), findRevision()]);
shell.redraw();
workOffline(api.asking);
