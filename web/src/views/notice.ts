/** The line above the editor for messages that are no result of a program. */

import { byId } from "../dom.ts";

export class Notice {
  readonly #box = byId("notice", HTMLElement);
  readonly #text = byId("notice-text", HTMLElement);
  readonly #action = byId("notice-action", HTMLButtonElement);
  #onAction: () => void = () => undefined;

  constructor() {
    byId("notice-close", HTMLButtonElement).addEventListener("click", () => this.hide());
    this.#action.addEventListener("click", () => {
      this.hide();
      this.#onAction();
    });
  }

  show(message: string, action?: { label: string; run: () => void }): void {
    this.#box.hidden = false;
    this.#text.textContent = message;
    this.#action.hidden = action === undefined;
    this.#action.textContent = action?.label ?? "";
    this.#onAction = action?.run ?? (() => undefined);
  }

  hide(): void {
    this.#box.hidden = true;
    this.#text.textContent = "";
  }
}
