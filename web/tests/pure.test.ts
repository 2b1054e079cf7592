import assert from "node:assert/strict";
import { test } from "node:test";

import { AnsiReader } from "../src/ansi.ts";
import { fromBase64, packed, size, toBase64, unpacked } from "../src/bytes.ts";
import { EventParser } from "../src/events.ts";
import { imageType, safeName } from "../src/files.ts";
import { EMPTY, fromLink, fromText, linkOf, requestOf, toText } from "../src/program.ts";
import { describe, describeError, shortly } from "../src/reasons.ts";
import { ApiError } from "../src/api.ts";
import { asCli, asCurl, asPython } from "../src/snippets.ts";
import type { Result, State } from "../src/types.ts";
import { joinWords, Mistake, parseVariables, parseWords, quoted } from "../src/words.ts";

test("a line of arguments is split as a shell does", () => {
  assert.deepEqual(parseWords(`one 'two words' "" "it's" a\\ b  x"y"z`), ["one", "two words", "", "it's", "a b", "xyz"]);
  assert.deepEqual(parseWords('"a\\"b" "\\n"'), ['a"b', "\\n"]);
  assert.deepEqual(parseWords("  "), []);
  assert.throws(() => parseWords("'open"), Mistake);
});

test("quoted words are the same after they are split again", () => {
  for (const words of [["one", "two words", ""], ["it's", "$HOME", "`x`", "a\nb", "ü"], []]) {
    assert.deepEqual(parseWords(joinWords(words)), words);
  }
  assert.equal(quoted("plain-1.txt"), "plain-1.txt");
});

test("environment variables are lines of NAME=VALUE", () => {
  assert.deepEqual(parseVariables("A=1\n\n B_2=x=y \n"), { A: "1", B_2: "x=y " });
  for (const wrong of ["novalue", "1A=x", "=x", "A B=c"]) assert.throws(() => parseVariables(wrong), Mistake);
});

test("an event stream is parsed, however it is cut into parts", () => {
  const text = ': comment\n\nevent: started\ndata: {"time":null}\nid: 1-0\n\nevent: stdout\r\ndata: a\r\ndata: b\r\nid: 1-1\r\n\r\ndata:x\n\n';
  const expected = [
    { kind: "started", data: '{"time":null}', id: "1-0" },
    { kind: "stdout", data: "a\nb", id: "1-1" },
    { kind: "message", data: "x", id: "1-1" },
  ];
  for (const length of [1, 2, 3, 7, 1000]) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < text.length; at += length) found.push(...parser.feed(text.slice(at, at + length)));
    assert.deepEqual(found, expected, `parts of ${length}`);
  }
});

test("colours become styles, and other escape sequences are left out", () => {
  const text = "a\x1b[1;31mred\x1b[0m b\x1b[2J\x1b]0;title\x07c\x1b[38;5;200md\x1b[48;2;1;2;3me\x1b(Bf\x08\x00g\r\nh\ri";
  for (const length of [1, 3, 1000]) {
    const reader = new AnsiReader();
    const found = [];
    for (let at = 0; at < text.length; at += length) found.push(...reader.read(text.slice(at, at + length)));
    assert.equal(found.map((one) => one.text).join(""), "ared bcdefg\nh\ni", `parts of ${length}`);
    assert.equal(found.filter((one) => one.style === "bold fg1").map((one) => one.text).join(""), "red");
    assert.ok(found.every((one) => ["", "bold fg1"].includes(one.style)));
  }
});

test("an escape sequence without an end does not hold back the output", () => {
  const reader = new AnsiReader();
  reader.read("\x1b]0;");
  const shown = reader.read("x".repeat(1000)).map((one) => one.text).join("");
  assert.ok(shown.includes("x".repeat(900)));
});

test("base64 is the same after it is decoded", () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => at % 256);
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
});

test("a text is the same after it is packed, and a bomb is not unpacked", async () => {
  const text = "print('ü€😀')\n".repeat(50);
  const short = await packed(text);
  assert.match(short, /^[A-Za-z0-9_-]+$/);
  assert.ok(short.length < text.length);
  assert.equal(await unpacked(short, 10_000), text);
  await assert.rejects(unpacked(await packed("x".repeat(1_000_000)), 10_000));
  await assert.rejects(unpacked("%%%", 10_000));
  await assert.rejects(unpacked("AAAA", 10_000));
});

test("a number of bytes is written with a unit", () => {
  assert.deepEqual([0, 1023, 1024, 8_700_000, 3 * 1024 ** 3].map(size), ["0 bytes", "1023 bytes", "1.0 KiB", "8.3 MiB", "3.0 GiB"]);
});

const PROGRAM = {
  ...EMPTY,
  language: "bash",
  code: "cat",
  stdin: "in",
  args: "a 'b c'",
  environment: "A=1",
  timeout: 5,
  patterns: "*.txt  **/b",
  files: [{ path: "f.txt", content_base64: "eA==" }],
};

test("a program becomes the request of the API", () => {
  assert.deepEqual(requestOf(PROGRAM, "sbs-1"), {
    code: "cat",
    language: "bash",
    stdin: "in",
    args: ["a", "b c"],
    environment: { A: "1" },
    timeout: 5,
    output_files: ["*.txt", "**/b"],
    files: [{ path: "f.txt", content_base64: "eA==" }],
    session_id: "sbs-1",
  });
  assert.deepEqual(requestOf({ ...EMPTY, code: "1", patterns: "" }, null), { code: "1", language: "python" });
});

test("a program with a mistake becomes no request", () => {
  for (const wrong of [{ code: " \n" }, { timeout: 0 }, { timeout: 301 }, { timeout: Number.NaN }, { args: '"' }, { environment: "x" }]) {
    assert.throws(() => requestOf({ ...PROGRAM, ...wrong }, null), Mistake);
  }
});

test("a link contains the whole program and nothing else", async () => {
  const link = await linkOf(PROGRAM);
  assert.match(link, /^code=[A-Za-z0-9_-]+$/);
  assert.deepEqual(await fromLink(link), PROGRAM);
  assert.deepEqual(fromText(toText(EMPTY)), EMPTY);
  assert.equal(await fromLink("executions"), null);
  await assert.rejects(fromLink(link.slice(0, 20)), Mistake);
  let seed = 1;
  const next = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 8;
  const random = Array.from({ length: 40_000 }, () => String.fromCharCode(33 + (next() % 8000))).join("");
  await assert.rejects(linkOf({ ...PROGRAM, code: random }), Mistake);
});

test("a text that is no program is refused", () => {
  for (const wrong of ["", "1", "[]", "null", '{"code":1}', '{"files":[1]}', '{"files":[{"path":"a"}]}', '{"files":{}}']) {
    assert.equal(fromText(wrong), null, wrong);
  }
  assert.deepEqual(fromText('{"code":"x","__proto__":{"a":1},"unknown":1}'), { ...EMPTY, code: "x" });
});

test("a copied command quotes what it contains and has no key", () => {
  const request = requestOf({ ...PROGRAM, code: "echo 'it''s $HOME'" }, null);
  const curl = asCurl(request, "https://run.example.com");
  assert.ok(curl.includes("-d '{\"code\":\"echo '\\''it'\\'''\\''s $HOME'\\''\""));
  assert.ok(curl.includes("$CLOCHE_API_KEY"));
  const cli = asCli(request, "https://run.example.com");
  assert.ok(cli.includes("printf %s in | cloche run --language bash --timeout 5"));
  assert.ok(cli.endsWith("-- a 'b c'"));
});

test("a copied program of Python has literals of Python", () => {
  const text = asPython(requestOf({ ...PROGRAM, code: 'a = "x"\nprint(a)\n' }, null), "https://run.example.com");
  assert.ok(text.includes('    """\\\na = "x"\nprint(a)\n""",'));
  assert.ok(text.includes('environment={"A": "1"}'));
  assert.ok(text.includes('"f.txt": b64decode("eA==")'));
  const escaped = asPython(requestOf({ ...EMPTY, code: 'print("""\\n""")\n' }, null), "x");
  assert.ok(escaped.includes('    "print(\\"\\"\\"\\\\n\\"\\"\\")\\n",'));
});

test("a downloaded file has a harmless name", () => {
  const names = { "a/b/plot.png": "plot.png", "../../etc/passwd": "passwd", ".bashrc": "bashrc", "a\u202egnp.exe": "a_gnp.exe", "-rf": "rf", "a b;$(x)": "a_b;_(x)", "...": "file", "": "file", "C:\\x": "C_x" };
  for (const [path, name] of Object.entries(names)) assert.equal(safeName(path), name, path);
  assert.ok(safeName(`${"x".repeat(500)}.png`).endsWith(".png"));
});

test("only images are shown as images", () => {
  assert.equal(imageType("a/plot.PNG"), "image/png");
  for (const other of ["a.html", "a.js", "png", "a.constructor", "a.pdf"]) assert.equal(imageType(other), null);
});

const RESULT: Result = {
  stdout_truncated: false, stderr_truncated: false, exit_code: 0, execution_time: 0.1, language: "c",
  session_id: null, reason: "Exited", usage: null, queue_time: 0,
};

function state(result: Partial<Result> | null, other: Partial<State> = {}): State {
  return {
    execution_id: "x", status: "completed", created_at: "", started_at: "", completed_at: "", detail: null,
    ...other, result: result === null ? null : { ...RESULT, ...result },
  };
}

test("each end of a program is described", () => {
  assert.deepEqual(describe(state({})), { tone: "good", title: "Finished", help: "" });
  assert.equal(describe(state({ exit_code: 3 })).title, "Ended with exit code 3");
  assert.match(describe(state({ reason: "Signaled", exit_code: 139 })).title, /SIGSEGV/);
  assert.equal(describe(state({ reason: "OutOfMemory", exit_code: 137 })).title, "Out of memory");
  assert.equal(describe(state(null, { status: "cancelled" })).title, "Cancelled");
  assert.equal(describe(state(null, { status: "failed", detail: "Service busy." })).title, "Service busy.");
  assert.equal(describe(state({ reason: "constructor" }, { detail: "x" })).title, "x");
});

test("each refusal of a request is described, with the time to wait", () => {
  assert.match(describeError(new ApiError(429, "Rate limit exceeded. Please try again later.", 7)).help, /Try again in 7 s\./);
  assert.match(describeError(new ApiError(503, "Service busy.", 5)).help, /5 s/);
  assert.match(describeError(new ApiError(0, "")).title, /does not answer/);
  assert.equal(describeError(new ApiError(413, "code: must be at most 256 KiB, but has 300000 bytes")).title, "Too large");
  assert.equal(describeError(new ApiError(502, "")).help, "Status code 502.");
});

test("the list names a reason in a few words", () => {
  assert.equal(shortly("Exited", 0), "Finished");
  assert.equal(shortly("Exited", 3), "Exit code 3");
  assert.equal(shortly("DeadlineExceeded", 137), "Timeout");
  assert.equal(shortly("SomethingNew", null), "SomethingNew");
});
