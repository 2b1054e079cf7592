/** How an execution ended, and why a request failed, in plain words. */

import type { ApiError } from "./api.ts";
import type { State } from "./types.ts";

export type Tone = "good" | "bad" | "neutral";

export interface Words {
  tone: Tone;
  title: string;
  /** What to do; empty if there is nothing to do. */
  help: string;
}

const OURS = "This is not a mistake in the program. Run it again; tell the administrator if it happens repeatedly.";

/** [title, help] for each reason of the API. `{code}` is replaced by the exit code. */
const REASONS: Record<string, readonly [string, string]> = {
  Exited: ["Ended with exit code {code}", ""],
  ActionCompleted: ["Files of the session changed or read", ""],
  Signaled: ["Ended by a signal", "The program crashed or ended itself."],
  OutOfMemory: ["Out of memory", "The program used more memory than it may have."],
  DiskFull: ["Disk full", "The program wrote more to its files than it may."],
  InvalidSyntax: ["The code cannot be compiled", "Correct the mistake that is shown below."],
  CompilerFailed: ["The compiler failed", "It crashed or was killed, so it has not decided about the code."],
  DeadlineExceeded: ["Timeout", "The program did not end in time. It may have an endless loop, or wait for input; or raise the timeout."],
  Cancelled: ["Cancelled", ""],
  Deleted: ["Deleted", "Someone removed this execution while it ran."],
  QueueTimeout: ["The service is busy", "The program waited too long for a free place. Try again in a moment."],
  QueueFull: ["The service is busy", "The queue is full. Try again in a moment."],
  WriteLimit: ["Too much data", "Your programs wrote too much in the last minutes. Try again in a minute."],
  RecordRemoved: ["The result was removed", "Run the program again."],
  SourceLost: ["The program did not run", OURS],
  InvalidSpec: ["The request has a mistake", ""],
  InvalidFiles: ["The files have a mistake", "Check the names of the files."],
  UnknownLanguage: ["This language is not installed", "Choose another one."],
  ResourcesExceedRuntime: ["The request asks for too much", ""],
  PodEvicted: ["Stopped by the cluster", OURS],
  PodDeleted: ["Stopped by the cluster", OURS],
  PodRefused: ["The cluster refused to run the program", OURS],
  PodFailed: ["The sandbox failed", OURS],
  NodeLost: ["The machine of the program was lost", OURS],
  ImagePullFailed: ["The language could not be loaded", OURS],
  ContainerStartFailed: ["The sandbox did not start", OURS],
  Unschedulable: ["No machine has room for the program", "Try again in a moment; tell the administrator if it happens repeatedly."],
  StartTimeout: ["The sandbox did not start in time", OURS],
  SessionEnded: ["The session has ended", "Create a new session. Its files are gone."],
  SupervisorHung: ["The sandbox stopped responding", OURS],
  ResultLost: ["The result was lost", "The program ran, but its result could not be read. Run it again if it may run twice."],
  ResultTooLarge: ["The result is too large", "Print less, or bring back fewer files."],
  ProtocolError: ["The sandbox answered wrongly", OURS],
  InternalError: ["The service failed", OURS],
};

const SIGNALS: Record<number, string> = {
  4: "SIGILL, an illegal instruction",
  6: "SIGABRT: it aborted itself",
  7: "SIGBUS, an invalid memory access",
  8: "SIGFPE, a division by zero or the like",
  9: "SIGKILL",
  11: "SIGSEGV, an invalid memory access",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU, too much processor time",
  25: "SIGXFSZ, too large a file",
  31: "SIGSYS, a forbidden system call",
};

/** Describe an execution that has ended. */
export function describe(state: State): Words {
  const code = state.result?.exit_code ?? null;
  const reason = state.result?.reason ?? (state.status === "cancelled" ? "Cancelled" : "");
  if (reason === "Exited" && code === 0) return { tone: "good", title: "Finished", help: "" };
  const words = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
  if (words === undefined) {
    return { tone: "bad", title: state.detail ?? "Failed", help: "" };
  }
  const title = reason === "Signaled" && code !== null ? signalled(code) : words[0].replace("{code}", String(code));
  const isOwnWords = reason === "InvalidSpec" || reason === "ResourcesExceedRuntime" || reason === "InvalidFiles";
  const help = isOwnWords && state.detail !== null ? `${state.detail}. ${words[1]}`.trim() : words[1];
  return { tone: reason === "Cancelled" ? "neutral" : "bad", title, help };
}

function signalled(code: number): string {
  const name = SIGNALS[code - 128];
  return `Ended by the signal ${name ?? code - 128}`;
}

/** Describe a reason in a few words, with the exit code where it matters. */
export function shortly(reason: string, code: number | null): string {
  if (reason === "Exited") return code === 0 ? "Finished" : `Exit code ${code ?? "unknown"}`;
  return (Object.hasOwn(REASONS, reason) ? REASONS[reason]?.[0] : undefined) ?? reason;
}

/** Describe a request that failed. */
export function describeError(error: ApiError): Words {
  const sentence = error.detail.replace(/\.?$/, ".");
  const later = error.retryAfter === null ? "Try again in a moment." : `Try again in ${error.retryAfter} s.`;
  const bad = (title: string, help: string): Words => ({ tone: "bad", title, help });
  switch (error.status) {
    case 0:
      return bad("The gateway does not answer", "Check your connection, and try again.");
    case 400:
      return bad("The request has a mistake", sentence);
    case 401:
    case 403:
      return bad("The API key was refused", sentence);
    case 404:
      return bad("Not found", sentence);
    case 413:
      return bad("Too large", sentence);
    case 429:
      return bad("Too many requests", error.detail.includes("try again") ? later : `${sentence} ${later}`);
    case 503:
      return bad("The service is busy", later);
    default:
      return bad("The service failed", error.detail === "" ? `Status code ${error.status}.` : sentence);
  }
}
