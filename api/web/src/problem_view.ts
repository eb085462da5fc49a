// What went wrong, in the page's words, what to do about it, and what the service itself said.
import { h } from "./dom";
import { say, type Word } from "./language";
import { Refused } from "./service";

const WORDS: Readonly<Record<number, readonly [Word, Word]>> = {
  0: ["problem_gone", "do_gone"],
  401: ["problem_key", "do_key"],
  403: ["problem_forbidden", "do_forbidden"],
  404: ["problem_unknown", "do_unknown"],
  409: ["problem_rule", "do_rule"],
  422: ["problem_input", "do_input"],
  429: ["problem_many", "do_many"],
  503: ["problem_busy", "do_busy"],
};

export function problemOf(error: unknown): HTMLElement {
  if (!(error instanceof Refused)) throw error;
  const [what, act] = WORDS[error.status] ?? ["problem_other", "do_other"];
  return h("div", { class: "banner warning problem", role: "alert" },
    h("p", null, h("b", null, say(what))), h("p", null, say(act)),
    error.status === 0 ? null : h("p", { class: "weak", lang: "en" }, `${error.status}: ${error.message}`));
}
