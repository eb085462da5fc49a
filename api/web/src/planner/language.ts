// The planner's own words, in the language that the page speaks.
import { filled, language } from "../language";
import { plannerEn } from "./words_en";
import { plannerZh } from "./words_zh";

export type PlannerWord = keyof typeof plannerZh;

/** A text of the planner's desk; {0}, {1} … in it stand for the values. */
export function tell(word: PlannerWord, ...values: readonly (string | number)[]): string {
  return filled((language() === "zh" ? plannerZh : plannerEn)[word], values);
}

/** The desk's word for a value of the service, such as a state or a check; the value itself if there is none. */
export function told(prefix: string, value: string): string {
  const word = `${prefix}_${value.replaceAll(" ", "_")}`;
  return word in plannerZh ? tell(word as PlannerWord) : value;
}
