// Run the cells of a session in one interpreter (docs/design/protocol.md, Cells).
//
// Descriptor 3 has requests and descriptor 4 takes messages. Both are JSON after its length in 4 bytes
// (big-endian). A cell runs in this process and can forge any message, so the supervisor trusts none.
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const net = require("node:net");
const path = require("node:path");
const util = require("node:util");
const vm = require("node:vm");
const { prepared } = require("./source.js");

const DISPLAY = Symbol.for("Jupyter.display"); // as in Deno
const PLAIN_CHARACTERS = 8192;
// A line of a stack trace that is not of a cell.
const OWN = new RegExp(`\\bat .*(?:node:|${__dirname}/)`);
const VALUE_CHARACTERS = 4096;
const TRACE_CHARACTERS = [8192, 24576];

class CellExit extends Error {}

let count = 0;
let current = null; // the running cell
let last; // the value of `_`

class Cell {
  constructor(request) {
    this.token = request.token;
    this.entries = request.entries;
    this.bytes = request.bytes;
    this.truncated = false;
    this.exitCode = null;
    this.interrupted = new Promise((_, reject) => {
      this.interrupt = reject;
    });
    this.interrupted.catch(() => {});
  }

  // Send a result, without the representations for which there is no room.
  show(kind, texts) {
    const fitting = this.entries > 0 ? this.#fitting(texts) : {};
    const kept = Object.keys(fitting).length;
    if (kept < Object.keys(texts).length) this.truncated = true;
    if (!kept) return;
    this.entries -= 1;
    send({ token: this.token, result: { kind, data: fitting } });
  }

  // text/plain first, because every client can show it, and then the smallest.
  #fitting(texts) {
    const size = (mime, text) => Buffer.byteLength(JSON.stringify(text)) + mime.length + 6;
    const plain = (mime) => (mime === "text/plain" ? 0 : 1);
    const order = Object.entries(texts).sort(
      ([a, one], [b, two]) => plain(a) - plain(b) || size(a, one) - size(b, two),
    );
    const kept = {};
    for (let [mime, text] of order) {
      if (mime === "text/plain" && size(mime, text) > this.bytes) {
        text = text.slice(0, PLAIN_CHARACTERS);
        this.truncated = true;
      }
      if (size(mime, text) > this.bytes) continue;
      this.bytes -= size(mime, text);
      kept[mime] = text;
    }
    return kept;
  }
}

function send(message) {
  const body = Buffer.from(JSON.stringify(message));
  const data = Buffer.alloc(4 + body.length);
  data.writeUInt32BE(body.length);
  body.copy(data, 4);
  for (let at = 0; at < data.length; ) at += fs.writeSync(4, data, at);
}

function bundle(value) {
  let found = {};
  try {
    const rich = value?.[DISPLAY];
    if (typeof rich === "function") found = rich.call(value);
  } catch {
    found = {};
  }
  return { "text/plain": inspected(value), ...texts(found) };
}

function texts(found) {
  const made = {};
  for (const [mime, value] of Object.entries(found ?? {})) {
    if (value instanceof Uint8Array) made[mime] = Buffer.from(value).toString("base64");
    else if (typeof value === "string") made[mime] = value;
    else if (value !== undefined && typeof value !== "function") made[mime] = JSON.stringify(value) ?? "";
  }
  return made;
}

function inspected(value) {
  try {
    return util.inspect(value);
  } catch (error) {
    return `[${typeof value} that cannot be inspected: ${error?.message}]`;
  }
}

function display(value, { raw = false } = {}) {
  const shown = raw ? texts(value) : bundle(value);
  if (current) current.show("display", shown);
  else console.log(shown["text/plain"] ?? "");
}

function described(error) {
  const isError = util.types.isNativeError(error);
  let name = typeof error;
  let value = "";
  let traceback = "";
  try {
    if (isError) name = String(error.name);
    value = isError ? String(error.message) : inspected(error);
    const lines = inspected(error).split("\n");
    traceback = lines.filter((line) => !OWN.test(line)).join("\n");
    if (!isError) traceback = `Uncaught ${traceback}`;
    else if (/^\[.*\]$/.test(traceback)) traceback = traceback.slice(1, -1); // it has no stack
  } catch {
    traceback = "an error that cannot be described";
  }
  const [head, tail] = TRACE_CHARACTERS;
  if (traceback.length > head + tail) traceback = `${traceback.slice(0, head)}\n…\n${traceback.slice(-tail)}`;
  return { name: name.slice(0, 256), value: value.slice(0, VALUE_CHARACTERS), traceback: `${traceback}\n` };
}

function interruption() {
  const error = new Error("the cell was interrupted");
  error.name = "Interrupted";
  error.stack = "Interrupted: the cell was interrupted";
  return error;
}

// Run a cell and return [value], or nothing if it does not end with an expression.
async function evaluated(code, cell) {
  const filename = `<cell ${count}>`;
  const made = prepared(code) ?? { code, isAsync: false, hasValue: false, prefix: 0 };
  const script = new vm.Script(made.code, {
    filename,
    columnOffset: -made.prefix,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  let value;
  try {
    value = script.runInThisContext({ breakOnSigint: true });
  } catch (error) {
    throw error?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED" ? interruption() : error;
  }
  if (made.isAsync) value = await Promise.race([value, cell.interrupted]);
  else value = [value];
  return made.hasValue ? value : undefined;
}

async function run(request) {
  count += 1;
  const cell = (current = new Cell(request));
  const before = Object.keys(request.environment).map((name) => [name, process.env[name]]);
  Object.assign(process.env, request.environment);
  let error = null;
  try {
    const value = await evaluated(request.code, cell);
    if (value && value[0] !== undefined) {
      [last] = value;
      cell.show("result", bundle(last));
    }
  } catch (thrown) {
    if (!(thrown instanceof CellExit)) error = described(thrown);
  }
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  current = null;
  if (cell.exitCode !== null) error = null;
  send({ token: request.token, end: { error, exit: cell.exitCode, truncated: cell.truncated } });
}

// Ends the cell, not the interpreter.
function exit(code = process.exitCode) {
  const ended = new CellExit("process.exit");
  if (current) {
    current.exitCode = Number(code ?? 0) & 0xff;
    current.interrupt(ended);
  }
  process.exitCode = undefined;
  throw ended;
}

function defineNames() {
  const place = path.resolve("[cell]");
  const module = new Module(place);
  module.filename = place;
  module.paths = Module._nodeModulePaths(path.dirname(place));
  const values = { require: Module.createRequire(place), module, exports: module.exports, display };
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  Object.defineProperty(globalThis, "_", {
    get: () => last,
    set: (value) => {
      Object.defineProperty(globalThis, "_", { value, writable: true, configurable: true, enumerable: true });
    },
    configurable: true,
  });
}

function serve() {
  process.argv.splice(1, process.argv.length, "");
  process.exit = exit;
  process.on("SIGINT", () => current?.interrupt(interruption()));
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error) => {
      if (!(error instanceof CellExit)) console.error(described(error).traceback.trimEnd());
    });
  }
  defineNames();
  let data = Buffer.alloc(0);
  let queue = Promise.resolve();
  const requests = new net.Socket({ fd: 3, readable: true, writable: false });
  requests.on("data", (part) => {
    data = Buffer.concat([data, part]);
    while (data.length >= 4 && data.length >= 4 + data.readUInt32BE()) {
      const end = 4 + data.readUInt32BE();
      const request = JSON.parse(data.subarray(4, end).toString());
      data = data.subarray(end);
      queue = queue.then(() => run(request));
    }
  });
  requests.on("close", () => process.reallyExit(0));
}

serve();
