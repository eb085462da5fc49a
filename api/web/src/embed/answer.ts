// The answer to "who covers this place", as the contents of a popup.
import type { Language } from "./parameters";
import { isWord, say } from "./words";

interface Turn {
  readonly title: string;
  readonly holder: string | null;
  readonly phone: string;
}

export interface Coverage {
  readonly revision: number;
  readonly cell: { readonly code: string; readonly name: string; readonly kind: string } | null;
  readonly areas: readonly { readonly name: string }[];
  readonly ambiguous: boolean;
  readonly candidates: readonly { readonly code: string }[];
  readonly nearest: { readonly code: string; readonly distance_m: number } | null;
  readonly on_duty: readonly Turn[];
  readonly ladder: readonly Turn[];
}

export function element(tag: string, text = "", className = ""): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

export function describe(answer: Coverage, language: Language): HTMLElement {
  const box = element("div", "", "answer");
  if (answer.cell) {
    const { name, code, kind } = answer.cell;
    box.append(element("h2", name), element("p", `${code} · ${isWord(kind) ? say(language, kind) : kind}`, "code"));
    box.append(element("p", answer.areas.map((area) => area.name).join(" ‹ ")));
  } else {
    box.append(element("h2", say(language, "outside")));
    if (answer.nearest) {
      const metres = Math.round(answer.nearest.distance_m);
      box.append(element("p", say(language, "nearest", answer.nearest.code, metres)));
    }
  }
  if (answer.ambiguous) {
    const others = answer.candidates.map((each) => each.code).filter((code) => code !== answer.cell?.code);
    box.append(element("p", say(language, "ambiguous", others.join(", ")), "warning"));
  }
  box.append(...turns(answer.on_duty, "onDuty", language), ...turns(answer.ladder, "ladder", language));
  return box;
}

function turns(list: readonly Turn[], heading: "onDuty" | "ladder", language: Language): HTMLElement[] {
  if (list.length === 0) return [];
  const table = element("table");
  for (const turn of list) {
    const row = element("tr");
    const phone = element("td");
    const call = element("a", turn.phone, "phone") as HTMLAnchorElement;
    call.href = `tel:${turn.phone.replace(/[^0-9+]/g, "")}`;
    phone.append(call);
    row.append(element("td", turn.title), phone, element("td", turn.holder ?? say(language, "nobody")));
    table.append(row);
  }
  return [element("h3", say(language, heading)), table];
}
