/** The session of this tab: its files last from one run to the next, and its variables if the user chooses that. */

import { type Api, ApiError } from "../api.ts";
import { byId } from "../dom.ts";
import { NoKey, type Keys } from "../key.ts";
import { lookOf } from "../languages.ts";
import { describeError } from "../reasons.ts";
import { read, write } from "../storage.ts";
import type { Session } from "../types.ts";

export class SessionControl {
  readonly #state = byId("session-state", HTMLElement);
  readonly #new = byId("session-new", HTMLButtonElement);
  readonly #choice = byId("session-keep", HTMLElement);
  readonly #keeps = byId("session-keeps", HTMLInputElement);
  readonly #restart = byId("session-restart", HTMLButtonElement);
  readonly #end = byId("session-end", HTMLButtonElement);
  readonly #api: Api;
  readonly #keys: Keys;
  #session: Session | null = null;
  #language = "";

  constructor(api: Api, keys: Keys) {
    this.#api = api;
    this.#keys = keys;
    this.#new.addEventListener("click", () => void this.#create());
    this.#restart.addEventListener("click", () => void this.#forget());
    this.#end.addEventListener("click", () => void this.#finish());
    this.#show();
  }

  /** Continue the session of before a reload, if it still exists. */
  async restore(): Promise<void> {
    const id = read("session", "session");
    if (id === null || this.#keys.current === null) return;
    try {
      this.#session = await this.#api.session(id);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) write("session", "session", null);
    }
    this.#show();
  }

  /** Say for which language the next run is. */
  set language(language: string) {
    this.#language = language;
    this.#show();
  }

  /** The id to send with a program; null if there is no session for its language. */
  idFor(language: string): string | null {
    return this.#session?.language === language ? this.#session.session_id : null;
  }

  /** The gateway knows the session no longer. */
  lost(): void {
    this.#keep(null);
  }

  async #create(): Promise<void> {
    this.#new.disabled = true;
    this.#state.textContent = "is being created …";
    try {
      this.#keep(await this.#keys.use(() => this.#api.createSession(this.#language, this.#keeps.checked)));
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#new.disabled = false;
    }
  }

  /** Start the interpreter anew. */
  async #forget(): Promise<void> {
    const session = this.#session;
    if (session === null) return;
    this.#restart.disabled = true;
    try {
      await this.#keys.use(() => this.#api.restartSession(session.session_id));
      this.#state.textContent = "starts its interpreter anew; its files stay";
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#keep(null);
      else this.#fail(error);
    } finally {
      this.#restart.disabled = false;
    }
  }

  async #finish(): Promise<void> {
    const session = this.#session;
    if (session === null) return;
    this.#end.disabled = true;
    try {
      await this.#keys.use(() => this.#api.endSession(session.session_id));
      this.#keep(null);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#keep(null);
      else this.#fail(error);
    } finally {
      this.#end.disabled = false;
    }
  }

  #fail(error: unknown): void {
    this.#show();
    if (error instanceof NoKey) return;
    if (!(error instanceof ApiError)) throw error;
    const words = describeError(error);
    this.#state.textContent = `${words.title}. ${words.help}`;
  }

  #keep(session: Session | null): void {
    this.#session = session;
    write("session", "session", session?.session_id ?? null);
    this.#show();
  }

  #show(): void {
    const session = this.#session;
    this.#new.hidden = session !== null;
    this.#choice.hidden = session !== null;
    this.#restart.hidden = session?.stateful !== "interpreter";
    this.#end.hidden = session === null;
    if (session === null) {
      this.#state.textContent = "none: each run starts with an empty folder";
      return;
    }
    const kept = session.stateful === "interpreter" ? ", with its variables," : "";
    const until = new Date(session.expires_at).toLocaleTimeString();
    const use = session.language === this.#language ? "is used" : "is not used, because the language is another one";
    this.#state.textContent = `for ${lookOf(session.language).title}${kept} ${use}; ends at ${until} if idle`;
  }
}
