// The leaves of a draft.
import { tabButtons as buttons } from "../tabs";
import { h } from "../dom";
import { told } from "./language";

export const TABS = ["impact", "check", "talk", "propose", "papers"] as const;
export type Tab = (typeof TABS)[number];

export function tabButtons(current: Tab, badges: Partial<Record<Tab, number>>, select: (tab: Tab) => void): HTMLElement[] {
  return buttons(TABS, current, (tab) => [told("tab", tab), badges[tab] ? h("span", { class: "badge" }, badges[tab]) : null], select);
}
