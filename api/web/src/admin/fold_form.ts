// A form that is folded away until it is wanted, sends one thing, and says what it was refused.
import { h } from "../dom";
import { adminProblem, type Around } from "./leaf";
import { tell } from "./words";

export class FoldForm {
  private problem: unknown = null;
  private sending = false;
  private open = false;

  constructor(private readonly around: Around, private readonly id: string) {}

  /** `may`: whether there is enough to send; `send` rejects with what the service refused. */
  draw(summary: string, name: string, fields: readonly (HTMLElement | null)[], may: boolean, send: () => Promise<void>): HTMLElement {
    const form = h("form", { class: "fields", "aria-label": name, onsubmit: (event: Event) => {
      event.preventDefault();
      void this.send(send);
    } }, fields, this.problem ? adminProblem(this.problem) : null,
      h("div", { class: "buttons" }, h("button", { class: "primary", disabled: this.sending || !may }, tell(this.sending ? "saving" : "save"))));
    const fold = h("details", { id: this.id, open: this.open, ontoggle: () => {
      this.open = fold.open;
    } }, h("summary", null, summary), form);
    return fold;
  }

  private async send(send: () => Promise<void>): Promise<void> {
    this.sending = true;
    this.problem = null;
    this.around.redraw();
    try {
      await send();
      this.open = false;
      const fold = document.getElementById(this.id);
      fold?.removeAttribute("open");
      fold?.querySelector("form")?.reset();
    } catch (error) {
      this.problem = error;
    }
    this.sending = false;
    this.around.redraw();
  }
}
