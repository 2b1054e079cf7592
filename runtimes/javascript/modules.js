// Run main.js as notebooks do: `require` and `module` beside `import` and top-level `await`.
// Node.js runs a file with `import` or `await` as a module, which has no `require`.
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const vm = require("node:vm");

const NAMES = ["exports", "require", "module", "__filename", "__dirname"];
const UNSETTLED = 13; // Node.js' exit code if `await` at top level never ends
const main = process.argv[1] ?? path.resolve("main.js"); // a worker has no arguments yet

function read(file) {
  try {
    return fs.readFileSync(file, "utf8").replace(/^#!.*/, "");
  } catch {
    return "";
  }
}

function isScript(source) {
  try {
    vm.compileFunction(source, NAMES);
    return true;
  } catch {
    return false;
  }
}

// `await (…)` is also a call of a function, so Node.js runs a file that has no other syntax of modules
// as a script. In a static block, `await` is reserved where an asynchronous function could use it.
function awaitsAtTopLevel(source) {
  try {
    new vm.Script(`(class{static{${source}\n}})`);
    return false;
  } catch (error) {
    return error.message === "Unexpected reserved word";
  }
}

function requireOf(module) {
  const require = Module.createRequire(module.filename);
  require.main = module;
  return require;
}

// The names belong to main.js only, but a module has no scope in which they could be defined.
function defineNames() {
  const module = new Module(main);
  module.filename = main;
  const values = {
    exports: module.exports,
    require: requireOf(module),
    module,
    __filename: main,
    __dirname: path.dirname(main),
  };
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}

// The script as the body of an asynchronous function; undefined if it has other syntax of modules.
function asynchronous(source) {
  const begin = "return (async () => {";
  try {
    return vm.compileFunction(`${begin}${source}\n})()`, NAMES, {
      filename: main,
      columnOffset: -begin.length,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
  } catch {
    return undefined;
  }
}

// Replace the function that runs a script by one that runs main.js with `run`, once.
function runInstead(run) {
  const compile = Module.prototype._compile;
  Module.prototype._compile = function (content, filename, ...rest) {
    if (filename !== main) return compile.call(this, content, filename, ...rest);
    Module.prototype._compile = compile;
    const names = [this.exports, requireOf(this), this, filename, path.dirname(filename)];
    let settled = false;
    run.apply(this.exports, names).finally(() => (settled = true));
    process.once("beforeExit", () => {
      if (!settled) process.exitCode ??= UNSETTLED;
    });
  };
}

const source = read(main);
if (/\b(?:await|import|export)\b/.test(source)) {
  const script = isScript(source);
  const named = /\b(?:require|module|exports|__filename|__dirname)\b/.test(source);
  const loop = /\bfor\s+await\b/.test(source); // not recognized by Node.js 20
  const bracket = /\bawait\s*[[(`/+-]/.test(source) && awaitsAtTopLevel(source);
  const run = (script ? bracket : named || loop) ? asynchronous(source) : undefined;
  if (run !== undefined) runInstead(run);
  if (!script && named) defineNames();
}
