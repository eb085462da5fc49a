// What the cockpit and the wall say: words of their own beside those of all pages.
import { en } from "./words_en";
import { zh } from "./words_zh";
import { filled, language } from "../language";

export type DashboardWord = keyof typeof zh;

/** A text of the cockpit; {0}, {1} … in it stand for the values. */
export function tell(word: DashboardWord, ...values: readonly (string | number)[]): string {
  return filled((language() === "zh" ? zh : en)[word], values);
}

/** The cockpit's word for a value of the service, such as a level; the value itself if there is none. */
export function told(prefix: string, value: string): string {
  const word = `${prefix}_${value}`;
  return word in zh ? tell(word as DashboardWord) : value;
}
