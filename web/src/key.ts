/** The API key: asked for once, and kept until the tab is closed. It is in no address and no link. */

import { ApiError, type Api } from "./api.ts";
import { byId } from "./dom.ts";
import { describeError } from "./reasons.ts";
import { read, write } from "./storage.ts";

/** The user closed the dialog without a key. */
export class NoKey extends Error {}

const SENDABLE = /^[\x21-\x7e]{1,512}$/;

export class Keys {
  readonly #dialog = byId("key-dialog", HTMLDialogElement);
  readonly #field = byId("key-field", HTMLInputElement);
  readonly #message = byId("key-message", HTMLElement);
  readonly #submit = byId("key-submit", HTMLButtonElement);
  readonly #forget = byId("key-forget", HTMLButtonElement);
  #waiting: ((given: boolean) => void)[] = [];
  #memory: string | null = read("session", "key");

  /** Connect the dialog. `api` checks a key that the user entered. */
  connect(api: Api): void {
    byId("key-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#enter(api);
    });
    byId("key-open", HTMLButtonElement).addEventListener("click", () => this.#open(""));
    byId("key-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#forget.addEventListener("click", () => {
      this.#keep(null);
      this.#dialog.close();
    });
    this.#dialog.addEventListener("close", () => this.#settle(this.#memory !== null));
  }

  get current(): string | null {
    return this.#memory;
  }

  /** Whether the dialog is open. */
  get isAsking(): boolean {
    return this.#dialog.open;
  }

  /** Do something that needs a key, and ask for another one as long as the gateway refuses it. */
  async use<T>(action: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#memory === null) await this.#ask("");
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof ApiError) || !error.isAboutTheKey) throw error;
        this.#keep(null);
        await this.#ask(refusal(error));
      }
    }
  }

  async #ask(message: string): Promise<void> {
    this.#open(message);
    const given = await new Promise<boolean>((resolve) => this.#waiting.push(resolve));
    if (!given) throw new NoKey("no API key");
  }

  #open(message: string): void {
    this.#say(message);
    this.#field.value = "";
    this.#forget.hidden = this.#memory === null;
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#field.focus();
  }

  async #enter(api: Api): Promise<void> {
    const key = this.#field.value.trim();
    if (!SENDABLE.test(key)) {
      this.#say(key === "" ? "Enter a key." : "This is not an API key: it has characters that no key has.");
      return;
    }
    this.#submit.disabled = true;
    try {
      await api.checkKey(key);
      this.#keep(key);
      this.#dialog.close();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#say(error.isAboutTheKey ? refusal(error) : `${describeError(error).title}. ${describeError(error).help}`);
      this.#field.select();
    } finally {
      this.#submit.disabled = false;
    }
  }

  #say(message: string): void {
    this.#message.textContent = message;
    this.#message.hidden = message === "";
    this.#field.setAttribute("aria-invalid", String(message !== ""));
  }

  #keep(key: string | null): void {
    this.#memory = key;
    write("session", "key", key);
  }

  #settle(given: boolean): void {
    for (const resolve of this.#waiting.splice(0)) resolve(given);
  }
}

function refusal(error: ApiError): string {
  if (error.detail.includes("expired")) return "This key has expired. Ask the administrator for a new one.";
  return "The gateway does not know this key. Check that it is complete.";
}
