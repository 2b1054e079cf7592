/** The list of executions, which refreshes itself, and one of them that is opened. */

import { type Api, ApiError, type ListQuery } from "../api.ts";
import { byId, fill } from "../dom.ts";
import { NoKey, type Keys } from "../key.ts";
import { known, lookOf } from "../languages.ts";
import { describeError } from "../reasons.ts";
import { watch } from "../runner.ts";
import { Panel } from "./panel.ts";
import { Rows } from "./rows.ts";

/** Seconds between refreshes: a list is as expensive as an execution, so they get rarer if nothing changes. */
const SHORTEST = 4;
const LONGEST = 60;
const GROWTH = 1.5;

export class ExecutionsView {
  readonly #api: Api;
  readonly #keys: Keys;
  readonly #language = byId("list-language", HTMLSelectElement);
  readonly #status = byId("list-status", HTMLSelectElement);
  readonly #session = byId("list-session", HTMLInputElement);
  readonly #state = byId("list-state", HTMLElement);
  readonly #first = byId("list-first", HTMLButtonElement);
  readonly #next = byId("list-next", HTMLButtonElement);
  readonly #opened = byId("opened", HTMLElement);
  readonly #openedTitle = byId("opened-title", HTMLElement);
  readonly #openedCancel = byId("opened-cancel", HTMLButtonElement);
  readonly #panel = new Panel("Result of the execution");
  readonly #rows: Rows;
  #isShown = false;
  #cursor: string | null = null;
  #nextCursor: string | null = null;
  #seconds = SHORTEST;
  #timer = 0;
  #request: AbortController | null = null;
  #watching: AbortController | null = null;
  #openedId = "";

  constructor(api: Api, keys: Keys) {
    this.#api = api;
    this.#keys = keys;
    this.#rows = new Rows(byId("list", HTMLTableSectionElement), (id) => {
      location.hash = `execution=${id}`;
    });
    this.offer(known());
    byId("opened-result", HTMLElement).append(this.#panel.element);
    for (const field of [this.#language, this.#status, this.#session]) {
      field.addEventListener("change", () => this.#from(null));
    }
    byId("list-refresh", HTMLButtonElement).addEventListener("click", () => this.#soon());
    this.#first.addEventListener("click", () => this.#from(null));
    this.#next.addEventListener("click", () => this.#from(this.#nextCursor));
    this.#openedCancel.addEventListener("click", () => void this.#cancel());
    byId("opened-close", HTMLButtonElement).addEventListener("click", () => {
      const id = this.#openedId;
      location.hash = "executions";
      this.#rows.focus(id);
    });
    document.addEventListener("visibilitychange", () => {
      if (this.#isShown && !document.hidden) this.#soon();
    });
  }

  offer(languages: readonly string[]): void {
    fill(this.#language, [["", "All"], ...languages.map((name) => [name, lookOf(name).title] as const)]);
  }

  /** Show the list, and the execution with this id unless it is empty. */
  show(id: string): void {
    if (!this.#isShown) {
      this.#isShown = true;
      this.#soon();
    }
    if (id !== this.#openedId) void this.#open(id);
  }

  hide(): void {
    this.#isShown = false;
    clearTimeout(this.#timer);
    this.#request?.abort();
    void this.#open("");
  }

  #from(cursor: string | null): void {
    this.#cursor = cursor;
    this.#soon();
  }

  #soon(): void {
    this.#seconds = SHORTEST;
    void this.#refresh();
  }

  async #refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const query: ListQuery = {
      language: this.#language.value,
      status: this.#status.value,
      sessionId: this.#session.value.trim(),
      cursor: this.#cursor,
    };
    try {
      const page = await this.#keys.use(() => this.#api.executions(query, request.signal));
      if (request.signal.aborted) return;
      const hasChanged = this.#rows.show(page.executions);
      this.#seconds = hasChanged ? SHORTEST : Math.min(this.#seconds * GROWTH, LONGEST);
      this.#nextCursor = page.next_cursor;
      const count = page.executions.length;
      this.#state.textContent = `${count === 0 ? "No executions" : `${count} shown`}, as of ${new Date().toLocaleTimeString()}`;
    } catch (error) {
      if (request.signal.aborted) return;
      if (!this.#failed(error)) return;
    }
    this.#first.disabled = this.#cursor === null;
    this.#next.disabled = this.#nextCursor === null;
    // Older pages stay as they are, because a page that moves cannot be read.
    if (this.#cursor === null && !document.hidden) {
      this.#timer = window.setTimeout(() => void this.#refresh(), 1000 * this.#seconds);
    }
  }

  /** Report a failure; return whether to try again later. */
  #failed(error: unknown): boolean {
    if (error instanceof NoKey) {
      this.#state.textContent = "Enter an API key to see your executions.";
      return false;
    }
    if (!(error instanceof ApiError)) throw error;
    const words = describeError(error);
    this.#state.textContent = `${words.title}. ${words.help}`;
    this.#seconds = error.retryAfter ?? LONGEST;
    return error.status === 0 || error.status === 429 || error.status >= 500;
  }

  async #open(id: string): Promise<void> {
    this.#watching?.abort();
    this.#openedId = id;
    this.#opened.hidden = id === "";
    this.#openedCancel.disabled = true;
    this.#panel.reset("Loading");
    if (id === "") return;
    const watching = new AbortController();
    this.#watching = watching;
    this.#openedTitle.textContent = `Execution ${id}`;
    this.#openedTitle.focus();
    try {
      await this.#follow(id, watching.signal);
    } catch (error) {
      if (watching.signal.aborted) return;
      if (error instanceof NoKey) this.#panel.reset("Enter an API key to see this execution");
      else if (error instanceof ApiError) this.#panel.failed(describeError(error));
      else throw error;
    }
  }

  async #follow(id: string, signal: AbortSignal): Promise<void> {
    let state = await this.#keys.use(() => this.#api.execution(id, signal));
    signal.throwIfAborted();
    if (state.status === "pending" || state.status === "running") {
      this.#openedCancel.disabled = false;
      this.#panel.say("Waiting for output", "busy");
      state = await watch(this.#api, id, this.#panel, signal);
      this.#openedCancel.disabled = true;
      this.#soon();
    } else {
      this.#panel.append("stdout", state.result?.stdout ?? "");
      this.#panel.append("stderr", state.result?.stderr ?? "");
      for (const shown of state.result?.results ?? []) this.#panel.show(shown);
    }
    this.#panel.ended(state);
  }

  async #cancel(): Promise<void> {
    this.#openedCancel.disabled = true;
    this.#panel.say("Cancelling", "busy");
    try {
      await this.#keys.use(() => this.#api.cancel(this.#openedId));
    } catch (error) {
      if (error instanceof ApiError) this.#panel.say(`Not cancelled: ${describeError(error).title}`, "busy");
      else if (!(error instanceof NoKey)) throw error;
      this.#openedCancel.disabled = false;
    }
  }
}
