/** Run a program: submit it, follow it, cancel it. */

import { type Api, ApiError } from "./api.ts";
import { follow } from "./events.ts";
import { NoKey, type Keys } from "./key.ts";
import { describeError } from "./reasons.ts";
import type { ExecuteRequest, Shown, State } from "./types.ts";
import type { Panel } from "./views/panel.ts";

/** Show an execution from its first output to its end. Throws as `follow`. */
export async function watch(api: Api, id: string, panel: Panel, signal: AbortSignal): Promise<State> {
  const follower = {
    started: () => panel.running(),
    output: (stream: "stdout" | "stderr", text: string) => panel.append(stream, text),
    result: (shown: Shown) => panel.show(shown),
    interrupted: (seconds: number) => panel.say(`The connection was lost. Next attempt in ${seconds} s`, "busy"),
  };
  return follow(api, id, follower, signal);
}

export class Runner {
  readonly #api: Api;
  readonly #keys: Keys;
  readonly #panel: Panel;
  readonly #onChange: (isRunning: boolean) => void;
  #abort: AbortController | null = null;
  #id: string | null = null;
  #isCancelled = false;

  constructor(api: Api, keys: Keys, panel: Panel, onChange: (isRunning: boolean) => void) {
    this.#api = api;
    this.#keys = keys;
    this.#panel = panel;
    this.#onChange = onChange;
  }

  get isRunning(): boolean {
    return this.#abort !== null;
  }

  /** Run a program and show its result. Return the error that it ended with, if it was no result. */
  async run(request: ExecuteRequest): Promise<ApiError | null> {
    if (this.isRunning) return null;
    this.#abort = new AbortController();
    this.#id = null;
    this.#isCancelled = false;
    this.#onChange(true);
    this.#panel.reset("Sending");
    this.#panel.say("Sending", "busy");
    try {
      this.#panel.ended(await this.#follow(request, this.#abort.signal), request.files ?? []);
      return null;
    } catch (error) {
      if (error instanceof NoKey) {
        this.#panel.failed({ tone: "neutral", title: "Enter an API key to run programs", help: "" });
        return null;
      }
      if (!(error instanceof ApiError)) throw error;
      this.#panel.failed(describeError(error));
      return error;
    } finally {
      this.#abort = null;
      this.#onChange(false);
    }
  }

  /** Cancel the program. The stream of events then ends with its last state. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    this.#panel.say("Cancelling", "busy");
    if (this.#id === null) return; // `#follow` cancels as soon as it has the id
    try {
      await this.#api.cancel(this.#id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#panel.say(`Not cancelled: ${describeError(error).title}`, "busy");
    }
  }

  async #follow(request: ExecuteRequest, signal: AbortSignal): Promise<State> {
    const key = newKey();
    const submit = (): Promise<State> => this.#api.submit(request, key);
    // The key makes it safe to repeat a request whose answer was lost.
    const again = (error: unknown): Promise<State> => {
      if (error instanceof ApiError && error.status === 0) return submit();
      throw error;
    };
    const state = await this.#keys.use(() => submit().catch(again));
    this.#id = state.execution_id;
    if (this.#isCancelled) await this.cancel();
    else this.#panel.say("Waiting for a sandbox", "busy");
    return watch(this.#api, state.execution_id, this.#panel, signal);
  }
}

/** Return a random Idempotency-Key. Without HTTPS browsers have no `crypto.randomUUID`. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16)).join("-");
}
