// Complete the compiled files in .js: finish.js node|script
// `__dirname` and `import.meta` refer to the folder of the .ts file, where the program's data are.
// In the form `script`, main.js may use `await` at top level, and all files are scripts.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const OUT = ".js";
const STRICT = /^"use strict";/;
const scripts = process.argv[2] === "script";

// The text has as many characters as `import.meta`, so that columns stay right.
const META = "import_meta";

function definitions(name, text) {
  const source = path.resolve(name.replace(/js$/, "ts"));
  const folder = JSON.stringify(path.dirname(source));
  const url = JSON.stringify(`file://${encodeURI(source)}`);
  const meta = `{dirname:${folder},filename:${JSON.stringify(source)},url:${url}}`;
  const words = [];
  if (/\b__dirname\b/.test(text) && STRICT.test(text)) words.push(`__dirname=${folder};`);
  if (/\bimport\.meta\b/.test(text)) words.push(`const ${META}=${meta};`);
  return words.join("");
}

// All additions are on the first and the last line, so that the source maps stay right.
function finished(name, text) {
  let begin = definitions(name, text);
  let end = "";
  if (scripts && name === "main.js" && /\bawait\b/.test(text)) {
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
  if (done !== text) fs.writeFileSync(file, done);
}
// A package.json of the request can make them modules.
if (scripts) fs.writeFileSync(path.join(OUT, "package.json"), '{"type":"commonjs"}');
