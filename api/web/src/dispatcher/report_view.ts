// Reports an incident at the place of the answer: with the session of whoever is logged in, or with a key that stays in
// this page's memory and is gone with it.
import { type Api, type Category, type Coverage, type Me } from "../api";
import { h } from "../dom";
import { cityNow, label } from "../format";
import { say } from "../language";
import { problemOf } from "../problem_view";

export interface ReportParts {
  readonly api: Api;
  readonly me: Me | null;
  readonly answer: Coverage;
  readonly category: string;
  readonly categories: readonly Category[];
}

const MAY_WRITE = new Set(["dispatcher", "caseworker", "system_admin"]);

let key = "";

export function reportView(parts: ReportParts): HTMLElement {
  const { me, categories } = parts;
  const result = h("div", { role: "status" });
  const loggedIn = me !== null && me.role !== "public";
  if (loggedIn && !MAY_WRITE.has(me.role)) {
    return h("details", { class: "report" }, h("summary", null, say("report")), h("p", { class: "banner" }, say("may_not_report", me.role)));
  }
  const form = h("form", { onsubmit: (event: Event) => {
    event.preventDefault();
    void send(parts, form, result);
  } },
    h("label", null, say("what_about"), h("select", { name: "category", required: true },
      h("option", { value: "" }, say("choose")),
      categories.map((each) => h("option", { value: each.code, selected: each.code === parts.category }, label(each.label, each.label_en))))),
    h("label", null, say("happened_at"), h("input", { name: "happened_at", type: "datetime-local", required: true, value: cityNow() })),
    h("label", null, say("ticket"), h("input", { name: "reporter", maxlength: 60, autocomplete: "off", "aria-describedby": "ticket-help" })),
    h("p", { id: "ticket-help", class: "weak" }, say("ticket_help")),
    loggedIn ? null : h("label", null, say("key"), h("input", { name: "key", type: "password", autocomplete: "off", value: key, required: true, "aria-describedby": "key-help" })),
    loggedIn ? null : h("p", { id: "key-help", class: "weak" }, say("key_help")),
    h("button", { class: "primary" }, say("send_report")));
  return h("details", { class: "report" }, h("summary", null, say("report")), form, result);
}

async function send(parts: ReportParts, form: HTMLFormElement, result: HTMLElement): Promise<void> {
  const given = new FormData(form), button = form.querySelector("button")!;
  const text = (name: string): string => String(given.get(name) ?? "").trim();
  key = text("key");
  button.disabled = true;
  result.replaceChildren(h("p", null, say("sending")));
  const { lon, lat } = parts.answer.point, id = newId();
  try {
    const saved = await parts.api.report({
      id, lon, lat, accuracy_m: 25, category: text("category"), happened_at: text("happened_at"), reporter: text("reporter") || null,
    }, key, parts.me);
    const row = saved.rows[0];
    const said = row?.status === "placed" ? say("report_placed", row.cell ?? "", id) : row?.status === "outside" ? say("report_outside", id) : say("report_rejected", row?.reason ?? "");
    result.replaceChildren(h("p", { class: row?.status === "placed" ? "banner good" : "banner warning" }, said));
    if (row?.status === "placed") form.hidden = true;
  } catch (error) {
    result.replaceChildren(problemOf(error));
  } finally {
    button.disabled = false;
  }
}

/** A reference of our own for the incident: its day, and what no other has. It says nothing about the place. */
function newId(): string {
  const random = crypto.getRandomValues(new Uint32Array(3));
  return `desk-${cityNow().slice(0, 10)}-${[...random].map((each) => each.toString(36)).join("")}`;
}
