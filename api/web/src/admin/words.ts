// The admin's own words, in the language that the page speaks.
import { en } from "./words_en";
import { zh } from "./words_zh";
import { filled, language } from "../language";

export type AdminWord = keyof typeof zh;

/** A text of the admin's desk; {0}, {1} … in it stand for the values. */
export function tell(word: AdminWord, ...values: readonly (string | number)[]): string {
  return filled((language() === "zh" ? zh : en)[word], values);
}

/** The desk's word for a value of the service, such as a state; the value itself if there is none. */
export function told(prefix: string, value: string): string {
  const word = `${prefix}_${value.replaceAll(" ", "_")}`;
  return word in zh ? tell(word as AdminWord) : value;
}
