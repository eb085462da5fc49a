// What all pages have: the head with name, desks, language and theme, who is logged in, and the foot with the city's
// notice. A desk that is not there yet is named on the first page and linked nowhere.
import { Refused, type Service } from "./service";
import type { Api, City, Me } from "./api";
import { data, h } from "./dom";
import { label, useZone } from "./format";
import { locale, named, say, switchLanguage, type Word } from "./language";
import { followTheme, showTheme, switchTheme, theme } from "./theme";
import "./shell.css";

export interface Desk {
  readonly name: Word;
  readonly about: Word;
  readonly path: string;
  readonly ready: boolean;
}

export const DESKS: readonly Desk[] = [
  { name: "desk_dispatcher", about: "about_dispatcher", path: "dispatcher", ready: true },
  { name: "desk_planner", about: "about_planner", path: "planner", ready: true },
  { name: "desk_dashboard", about: "about_dashboard", path: "dashboard", ready: true },
  { name: "desk_admin", about: "about_admin", path: "admin", ready: true },
];

/** The frame of a page; `draw` fills `main`, at first and whenever language or theme change. */
export class Shell {
  readonly main = h("main", { id: "main" });
  city: City | null = null;
  me: Me | null = null;
  private readonly head = h("header", { class: "head" });
  private readonly foot = h("footer", { class: "foot" });

  constructor(private readonly api: Api, private readonly here: string, private readonly draw: () => void) {
    document.body.replaceChildren(h("a", { class: "skip", href: "#main", onclick: skip }), this.head, this.main, this.foot);
    showTheme();
    followTheme(() => this.draw());
  }

  /** Asks what city this is and who is here; then draws. Drawn once before, so that nobody looks at nothing. */
  async start(): Promise<void> {
    this.redraw();
    await Promise.all([this.findCity(), this.findMe()]);
    if (this.city) useZone(this.city.timezone);
    this.redraw();
  }

  redraw(): void {
    document.documentElement.lang = locale();
    document.querySelector(".skip")!.textContent = say("skip");
    this.drawHead();
    this.drawFoot();
    this.draw();
  }

  private async findCity(): Promise<void> {
    const name = `gridmap-city ${this.api.root.pathname}`;
    try {
      this.city = await this.api.get<City>("v1/city");
      keep(name, this.city);
    } catch {
      this.city = kept<City>(name); // the server is gone: it is still the city that it was
    }
  }

  private async findMe(): Promise<void> {
    try {
      this.me = await this.api.get<Me>("v1/me");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }

  private drawHead(): void {
    const desks = DESKS.filter((desk) => desk.ready).map((desk) =>
      h("a", { href: desk.path, "aria-current": desk.path === this.here ? "page" : null }, say(desk.name)),
    );
    this.head.replaceChildren(
      h("a", { class: "brand", href: "./" }, "GridMap", this.city ? [" ", h("b", null, data(label(this.city.name, this.city.name_en)))] : null),
      h("nav", { "aria-label": say("desks") }, desks),
      h("div", { class: "switches" }, this.who(),
        h("button", { type: "button", id: "theme", onclick: () => this.change(switchTheme) }, say(theme() === "dark" ? "to_light" : "to_dark")),
        h("button", { type: "button", id: "language", lang: locale() === "zh-CN" ? "en" : "zh-CN", onclick: () => this.change(switchLanguage) },
          say("other_language"))),
    );
  }

  /** Nothing where the service knows no log-in. */
  private who(): HTMLElement | null {
    if (this.me === null) return null;
    const next = `${this.api.root.pathname}${this.here}`;
    const text = this.me.role === "public" ? say("log_in") : `${this.me.id} · ${named("role", this.me.role)}`;
    return h("a", { href: `login?${new URLSearchParams({ next })}` }, text);
  }

  private change(turn: () => void): void {
    const focused = document.activeElement?.id;
    turn();
    this.redraw();
    if (focused) document.getElementById(focused)?.focus();
  }

  private drawFoot(): void {
    const notice = this.city?.notice[locale() === "zh-CN" ? "zh" : "en"] ?? "";
    this.foot.replaceChildren(
      notice ? h("p", { class: "notice" }, notice) : "",
      h("p", null, this.city?.attribution ?? "", " ", h("a", { href: "openapi.json" }, say("api"))),
    );
  }
}

function skip(event: Event): void {
  event.preventDefault();
  const main = document.getElementById("main")!;
  main.tabIndex = -1;
  main.focus();
}

/** Keeps a small fact for when the server is gone. */
export function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // then it is not known without the server
  }
}

export function kept<T>(name: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null") as T | null;
  } catch {
    return null;
  }
}

/** Lets the desks be opened again while the server is gone, where the browser allows that (https, this machine). */
export function workOffline(service: Service): void {
  if (!("serviceWorker" in navigator)) return;
  const loaded = (): string[] => [location.href.replace(/#.*/, ""), ...performance.getEntriesByType("resource").map((each) => each.name)];
  navigator.serviceWorker.register(new URL("offline.js", service.root))
    .then(() => navigator.serviceWorker.ready)
    .then(({ active }) => active?.postMessage(loaded()))
    .catch(() => undefined);
}
