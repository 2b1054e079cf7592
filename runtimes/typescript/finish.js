// Complete the compiled files in .js: finish.js node|script|module
// `__dirname` and `import.meta` refer to the folder of the .ts file, where the program's data are.
// In the form `script`, main.js may use `await` at top level. If another file does, the exit status is 1.
// In the form `module`, all files may; they may use `require`, and import without an extension.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const OUT = ".js";
const STRICT = /^"use strict";/;
const form = process.argv[2];

// The text has as many characters as `import.meta`, so that columns stay right.
const META = "import_meta";

function definitions(name, text) {
  const source = path.resolve(name.replace(/js$/, "ts"));
  const folder = JSON.stringify(path.dirname(source));
  const url = JSON.stringify(`file://${encodeURI(source)}`);
  const meta = `{dirname:${folder},filename:${JSON.stringify(source)},url:${url}}`;
  const words = [];
  if (form === "module") {
    const own = JSON.stringify(path.resolve(OUT, name));
    const create = 'process.getBuiltinModule("node:module").createRequire';
    if (/\brequire\b/.test(text)) words.push(`const require=${create}(${own});`);
    if (/\b__dirname\b/.test(text)) words.push(`const __dirname=${folder};`);
    if (/\b__filename\b/.test(text)) words.push(`const __filename=${own};`);
  } else if (/\b__dirname\b/.test(text) && STRICT.test(text)) {
    words.push(`__dirname=${folder};`);
  }
  if (/\bimport\.meta\b/.test(text)) words.push(`const ${META}=${meta};`);
  return words.join("");
}

function withExtensions(name, text) {
  return text.replace(/\b((?:from|import)\s*\(?\s*)(["'])(\.[^"'\n]*)\2/g, (all, before, quote, to) => {
    const folder = path.dirname(path.join(OUT, name));
    const ends = ["", ".js", "/index.js"];
    const end = ends.find((one) => fs.statSync(path.join(folder, to + one), { throwIfNoEntry: false })?.isFile());
    return end === undefined ? all : `${before}${quote}${to}${end}${quote}`;
  });
}

// In a script, `await (…)` at top level is a call. It is a syntax error in a static block.
function awaitsAtTopLevel(text) {
  try {
    new vm.Script(`(class{static{${text}\n}})`);
    return false;
  } catch (error) {
    return error.message === "Unexpected reserved word";
  }
}

// All additions are on the first and the last line, so that the source maps stay right.
function finished(name, given) {
  const text = form === "module" ? withExtensions(name, given) : given;
  let begin = definitions(name, text);
  let end = "";
  if (form === "script" && name === "main.js" && /\bawait\b/.test(text)) {
    begin += 'let $ended;process.once("beforeExit",()=>{if(!$ended)process.exitCode??=13});(async()=>{';
    end = "\n})().finally(()=>{$ended=true});";
  }
  if (begin === "") return text;
  const changed = text.replace(/\bimport\.meta\b/g, META);
  const body = STRICT.test(changed)
    ? changed.replace(STRICT, (word) => word + begin)
    : begin + changed;
  const map = body.lastIndexOf("\n//# sourceMappingURL=");
  return map < 0 ? body + end : body.slice(0, map) + end + body.slice(map);
}

for (const name of fs.readdirSync(OUT, { recursive: true })) {
  if (!/\.[cm]?js$/.test(name)) continue;
  const file = path.join(OUT, name);
  const text = fs.readFileSync(file, "utf8");
  const done = finished(name, text);
  const awaits = name.endsWith(".mjs") ? /\bawait\b/.test(done) : awaitsAtTopLevel(done);
  if (form === "script" && name !== "main.js" && awaits) process.exit(1);
  if (done !== text) fs.writeFileSync(file, done);
}
// A package.json of the request can have the other type.
const type = { script: "commonjs", module: "module" }[form];
if (type) fs.writeFileSync(path.join(OUT, "package.json"), JSON.stringify({ type }));
