// Which language the page speaks: the browser's, until the switch says otherwise; and what it says in it.
import { choose, chosen } from "./kept_choice";
import { en } from "./words_en";
import { zh } from "./words_zh";

export type Language = "zh" | "en";
export type Word = keyof typeof zh;

const TABLES: Record<Language, Record<Word, string>> = { zh, en };

let current: Language = chosen("language", ["zh", "en"] as const) ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export function language(): Language {
  return current;
}

/** The language as HTML and dates name it. */
export function locale(): string {
  return current === "zh" ? "zh-CN" : "en-GB";
}

/** Changes to the other language; whoever calls it draws the page anew. */
export function switchLanguage(): void {
  current = current === "zh" ? "en" : "zh";
  choose("language", current);
}

/** A text of the page; {0}, {1} … in it stand for the values. */
export function say(word: Word, ...values: readonly (string | number)[]): string {
  return filled(TABLES[current][word], values);
}

/** A text with its values in place; desks with words of their own say them so, too. */
export function filled(text: string, values: readonly (string | number)[]): string {
  return text.replace(/\{(\d)\}/g, (_, position: string) => String(values[Number(position)] ?? ""));
}

/** The page's word for a value of the service, such as a kind; the value itself if there is none. */
export function named(prefix: string, value: string): string {
  const word = `${prefix}_${value}`;
  return word in zh ? say(word as Word) : value;
}
