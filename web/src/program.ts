/** A program with its input, as the page edits it: its request, its storage, and its link. */

import { packed, unpacked } from "./bytes.ts";
import type { ExecuteRequest, InputFile } from "./types.ts";
import { Mistake, parseVariables, parseWords } from "./words.ts";

export interface Program {
  language: string;
  code: string;
  stdin: string;
  /** As in a shell. */
  args: string;
  /** Lines of the form NAME=VALUE. */
  environment: string;
  /** Seconds. */
  timeout: number;
  /** Glob patterns of the files to bring back, separated by white space. */
  patterns: string;
  files: InputFile[];
}

export const PATTERNS = "*.png *.jpg *.gif *.svg *.csv *.json *.txt";
export const TIMEOUT = 30;
export const EMPTY: Program = {
  language: "python",
  code: "",
  stdin: "",
  args: "",
  environment: "",
  timeout: TIMEOUT,
  patterns: PATTERNS,
  files: [],
};

const SHARED = "code=";
/** Characters of a fragment. Browsers accept more, but chats and mail cut long links. */
const LONGEST_LINK = 32 * 1024;
const LARGEST_PROGRAM = 2 * 1024 * 1024;

/** Return the request that runs a program. Throws Mistake if a field has one. */
export function requestOf(program: Program, sessionId: string | null): ExecuteRequest {
  if (program.code.trim() === "") throw new Mistake("The program is empty: write one, or choose an example.");
  if (!(program.timeout >= 0.1 && program.timeout <= 300)) {
    throw new Mistake("Timeout: must be between 0.1 and 300 seconds.");
  }
  const request: ExecuteRequest = { code: program.code, language: program.language };
  const args = parseWords(program.args);
  const environment = parseVariables(program.environment);
  const patterns = program.patterns.split(/\s+/).filter((pattern) => pattern !== "");
  if (program.stdin !== "") request.stdin = program.stdin;
  if (args.length > 0) request.args = args;
  if (Object.keys(environment).length > 0) request.environment = environment;
  if (program.files.length > 0) request.files = program.files;
  if (patterns.length > 0) request.output_files = patterns;
  if (program.timeout !== TIMEOUT) request.timeout = program.timeout;
  if (sessionId !== null) request.session_id = sessionId;
  return request;
}

/** Return a program as text, without the fields that have their defaults. */
export function toText(program: Program): string {
  const changed = Object.entries(program).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(EMPTY[name as keyof Program]),
  );
  return JSON.stringify(Object.fromEntries(changed));
}

/** The inverse of `toText`. A text from elsewhere may be anything: null if it is no program. */
export function fromText(text: string): Program | null {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) return null;
  const given = found as Record<string, unknown>;
  const program = { ...EMPTY };
  for (const name of ["language", "code", "stdin", "args", "environment", "patterns"] as const) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value !== "string") return null;
    program[name] = value;
  }
  if (typeof given["timeout"] === "number") program.timeout = given["timeout"];
  if (given["files"] !== undefined) {
    if (!Array.isArray(given["files"]) || !given["files"].every(isFile)) return null;
    program.files = given["files"].map(({ path, content_base64 }) => ({ path, content_base64 }));
  }
  return program;
}

function isFile(value: unknown): value is InputFile {
  const file = value as InputFile | null;
  return typeof file === "object" && typeof file?.path === "string" && typeof file.content_base64 === "string";
}

/** Return the fragment of a link to a program, with everything in it. Throws Mistake if it is too long. */
export async function linkOf(program: Program): Promise<string> {
  const fragment = SHARED + (await packed(toText(program)));
  if (fragment.length > LONGEST_LINK) {
    throw new Mistake("The program and its files are too large for a link: share them as files.");
  }
  return fragment;
}

/** Return the program in a fragment (without `#`); null if it has none. Throws Mistake if it is damaged. */
export async function fromLink(fragment: string): Promise<Program | null> {
  if (!fragment.startsWith(SHARED)) return null;
  let program: Program | null = null;
  try {
    program = fromText(await unpacked(fragment.slice(SHARED.length), LARGEST_PROGRAM));
  } catch {
    // As for a text that is no program.
  }
  if (program === null) throw new Mistake("This link is damaged or incomplete: ask for it again.");
  return program;
}
