// The leaves of a draft, as tabs that arrow keys walk through.
import { h } from "../dom";
import { told } from "./language";

export const TABS = ["impact", "check", "talk", "propose", "papers"] as const;
export type Tab = (typeof TABS)[number];

export function tabButtons(current: Tab, badges: Partial<Record<Tab, number>>, select: (tab: Tab) => void): HTMLElement[] {
  return TABS.map((tab, i) => h("button", {
    type: "button", role: "tab", id: `tab-${tab}`, "aria-selected": tab === current ? "true" : "false", "aria-controls": "tab-body", tabindex: tab === current ? 0 : -1,
    onclick: () => select(tab),
    onkeydown: (event: KeyboardEvent) => {
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (by) select(TABS[(i + by + TABS.length) % TABS.length]!);
    },
  }, told("tab", tab), badges[tab] ? h("span", { class: "badge" }, badges[tab]) : null));
}
