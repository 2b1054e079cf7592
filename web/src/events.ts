/** Read server-sent events with fetch, because EventSource cannot send an API key. */

import { type Api, ApiError } from "./api.ts";
import type { Shown, State } from "./types.ts";

export interface ServerEvent {
  kind: string;
  data: string;
  id: string;
}

/** A parser of https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream. */
export class EventParser {
  #rest = "";
  #kind = "";
  #data: string[] = [];
  #id = "";

  /** Return the events that are complete after these characters. */
  feed(text: string): ServerEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  #line(line: string): ServerEvent | undefined {
    if (line === "") {
      const event = { kind: this.#kind || "message", data: this.#data.join("\n"), id: this.#id };
      const isEvent = this.#data.length > 0;
      this.#kind = "";
      this.#data = [];
      return isEvent ? event : undefined;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#kind = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }
}

export interface Follower {
  started(time: string | null): void;
  output(stream: "stdout" | "stderr", text: string): void;
  result(shown: Shown): void;
  /** The connection was lost and is made again after so many seconds. */
  interrupted(seconds: number): void;
}

const ATTEMPTS = 8;
const LONGEST_SECONDS = 15;

/**
 * Follow an execution to its end, and return its last state, without the output.
 *
 * A lost connection is made again, and continues after the last event. Throws ApiError if that fails
 * repeatedly or the record was removed, and the signal's reason if it is aborted.
 */
export async function follow(api: Api, id: string, follower: Follower, signal: AbortSignal): Promise<State> {
  let last = "";
  let failures = 0;
  for (;;) {
    let seconds = Math.min(2 ** failures, LONGEST_SECONDS);
    try {
      for await (const event of eventsOf(await api.events(id, last, signal))) {
        failures = 0;
        seconds = 1;
        last = event.id;
        const data = JSON.parse(event.data) as Record<string, unknown>;
        if (event.kind === "exit") return data as unknown as State;
        if (event.kind === "started") follower.started(typeof data["time"] === "string" ? data["time"] : null);
        else if (event.kind === "stdout" || event.kind === "stderr") follower.output(event.kind, String(data["data"]));
        else if (event.kind === "result") follower.result(data as unknown as Shown);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ApiError) || !isTemporary(error)) throw error;
      seconds = error.retryAfter ?? seconds;
      if (failures >= ATTEMPTS) throw error;
    }
    signal.throwIfAborted();
    failures += 1;
    if (failures > ATTEMPTS) throw new ApiError(0, "");
    follower.interrupted(seconds);
    await pause(seconds, signal);
  }
}

function isTemporary(error: ApiError): boolean {
  return error.status === 0 || error.status === 429 || error.status >= 500;
}

async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || value === undefined) return;
      yield* parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** Wait. Throws the signal's reason if it is aborted. */
export async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }, { once: true });
  });
}
