/** The same request as a command or a program that the user can paste. The key is never in it. */

import type { ExecuteRequest } from "./types.ts";
import { joinWords, quoted } from "./words.ts";

/** Return a command of curl. */
export function asCurl(request: ExecuteRequest, origin: string): string {
  return [
    `export CLOCHE_API_KEY=…  # your key`,
    `curl -sS ${quoted(`${origin}/api/v1/execute`)} \\`,
    `  -H "X-API-Key: $CLOCHE_API_KEY" -H "Content-Type: application/json" \\`,
    `  -d ${quoted(JSON.stringify(request))}`,
  ].join("\n");
}

/** Return a program that uses the package cloche-client. */
export function asPython(request: ExecuteRequest, origin: string): string {
  const { code, language, files, ...options } = request;
  const lines = ["# pip install cloche-client; the key is read from CLOCHE_API_KEY", "from cloche_client import Client", ""];
  const given = [`    ${pythonCode(code)},`, `    language=${pythonOf(language)},`];
  for (const [name, value] of Object.entries(options)) given.push(`    ${name}=${pythonOf(value)},`);
  if (files !== undefined) {
    lines.splice(1, 0, "from base64 import b64decode", "");
    const entries = files.map(({ path, content_base64 }) => `        ${pythonOf(path)}: b64decode(${pythonOf(content_base64)}),`);
    given.push("    files={", ...entries, "    },");
  }
  lines.push(`client = Client(${pythonOf(origin)})`, "result = client.run(", ...given, ")", "print(result.stdout)");
  return lines.join("\n");
}

/** Return a command of the program `cloche`. Files are not in it, because it reads them from the disk. */
export function asCli(request: ExecuteRequest, origin: string): string {
  const words = ["cloche", "run", "--language", quoted(request.language)];
  if (request.timeout !== undefined) words.push("--timeout", String(request.timeout));
  if (request.session_id !== undefined) words.push("--session", quoted(request.session_id));
  for (const [name, value] of Object.entries(request.environment ?? {})) words.push("--env", quoted(`${name}=${value}`));
  for (const file of request.files ?? []) words.push("--file", quoted(file.path));
  for (const pattern of request.output_files ?? []) words.push("--output-file", quoted(pattern));
  words.push("-c", quoted(request.code));
  if (request.args !== undefined) words.push("--", joinWords(request.args));
  const input = request.stdin === undefined ? "" : `printf %s ${quoted(request.stdin)} | `;
  return [`export CLOCHE_URL=${quoted(origin)} CLOCHE_API_KEY=…  # your key`, input + words.join(" ")].join("\n");
}

/** Return a source code as a string of Python, over several lines if that changes nothing. */
function pythonCode(code: string): string {
  const isPlain = code.includes("\n") && !/[\\\x00-\x08\x0b-\x1f]/.test(code) && !code.includes('"""') && !code.endsWith('"');
  return isPlain ? `"""\\\n${code}"""` : pythonOf(code);
}

/** Return a value as Python writes it. */
export function pythonOf(value: unknown): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value).map(([name, one]) => `${pythonOf(name)}: ${pythonOf(one)}`).join(", ")}}`;
  }
  // A string of JSON is one of Python too, except for characters beyond the basic plane, which stay as they are.
  return JSON.stringify(value);
}
