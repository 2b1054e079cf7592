/** Calls of the gateway, with the API key in a header. */

import type { ExecuteRequest, Listed, Session, State } from "./types.ts";

const API = "/api/v1";

/** An answer with an error, or no answer at all. */
export class ApiError extends Error {
  /** The status code; 0 if there was no answer. */
  readonly status: number;
  /** The gateway's sentence; empty if there is none. */
  readonly detail: string;
  /** Seconds after which the request may be repeated; null if the gateway does not say. */
  readonly retryAfter: number | null;

  constructor(status: number, detail: string, retryAfter: number | null = null) {
    super(detail || `status code ${status}`);
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }

  /** Whether the API key was missing, unknown or expired. */
  get isAboutTheKey(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

interface Options {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export interface ListQuery {
  language: string;
  status: string;
  sessionId: string;
  cursor: string | null;
}

export class Api {
  readonly #key: () => string | null;

  constructor(key: () => string | null) {
    this.#key = key;
  }

  /** Return the names of the installed languages. This needs no key. */
  async languages(): Promise<string[]> {
    return (await this.#json("GET", "/execute/languages")) as string[];
  }

  /** Return if the key is valid. Throws ApiError if it is not, or if there is no answer. */
  async checkKey(key: string): Promise<void> {
    await this.#fetch("GET", "/warm-pool/status", { headers: { "X-API-Key": key } });
  }

  /** Start a program. The gateway runs it once, also if the same `idempotencyKey` is sent again. */
  async submit(request: ExecuteRequest, idempotencyKey: string): Promise<State> {
    const headers = { "Idempotency-Key": idempotencyKey };
    return (await this.#json("POST", "/execute/async", { body: request, headers })) as State;
  }

  async execution(id: string, signal?: AbortSignal): Promise<State> {
    return (await this.#json("GET", `/executions/${encodeURIComponent(id)}`, { signal })) as State;
  }

  async cancel(id: string): Promise<void> {
    await this.#fetch("DELETE", `/executions/${encodeURIComponent(id)}`);
  }

  /** Open the stream of events after `lastEventId`. */
  async events(id: string, lastEventId: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = lastEventId === "" ? {} : { "Last-Event-ID": lastEventId };
    const answer = await this.#fetch("GET", `/executions/${encodeURIComponent(id)}/events`, { headers, signal });
    if (answer.body === null) throw new ApiError(0, "");
    return answer.body;
  }

  async executions(query: ListQuery, signal?: AbortSignal): Promise<{ executions: Listed[]; next_cursor: string | null }> {
    const given = { limit: "50", language: query.language, status: query.status, session_id: query.sessionId, cursor: query.cursor ?? "" };
    const words = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ""));
    return (await this.#json("GET", `/executions?${words}`, { signal })) as { executions: Listed[]; next_cursor: string | null };
  }

  /** Create a session. `keeps`: its programs are cells of one interpreter. */
  async createSession(language: string, keeps: boolean): Promise<Session> {
    const body = keeps ? { language, stateful: "interpreter" } : { language };
    return (await this.#json("POST", "/sessions", { body })) as Session;
  }

  async session(id: string): Promise<Session> {
    return (await this.#json("GET", `/sessions/${encodeURIComponent(id)}`)) as Session;
  }

  /** Start the interpreter of a session anew. */
  async restartSession(id: string): Promise<void> {
    await this.#fetch("POST", `/sessions/${encodeURIComponent(id)}/restart`, { body: {} });
  }

  async endSession(id: string): Promise<void> {
    await this.#fetch("DELETE", `/sessions/${encodeURIComponent(id)}`);
  }

  async #json(method: string, path: string, options: Options = {}): Promise<unknown> {
    const answer = await this.#fetch(method, path, options);
    try {
      return await answer.json();
    } catch {
      throw new ApiError(0, ""); // the connection was lost before the end of the answer
    }
  }

  async #fetch(method: string, path: string, options: Options = {}): Promise<Response> {
    const key = this.#key();
    const headers: Record<string, string> = key === null ? {} : { "X-API-Key": key };
    Object.assign(headers, options.headers);
    const init: RequestInit = { method, headers, cache: "no-store", credentials: "omit", redirect: "error" };
    if (options.signal !== undefined) init.signal = options.signal;
    if (options.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(options.body);
    }
    let answer: Response;
    try {
      answer = await fetch(API + path, init);
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      throw new ApiError(0, "");
    }
    if (!answer.ok) throw await errorOf(answer);
    return answer;
  }
}

async function errorOf(answer: Response): Promise<ApiError> {
  let detail = "";
  try {
    const body = (await answer.json()) as { detail?: unknown };
    if (typeof body.detail === "string") detail = body.detail;
  } catch {
    // A proxy's own error has no JSON.
  }
  const seconds = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  return new ApiError(answer.status, detail, Number.isNaN(seconds) ? null : seconds);
}
