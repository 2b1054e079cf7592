// Remove the comments of declaration files, which the compiler would read at each compilation:
// strip.js FOLDER… All positions stay the same. References (`///`) and copyrights remain.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const TOKENS = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[^]*?\*\//g;
const KEPT = /^\/\/\/\s*<|^["'`]|copyright/i;

for (const folder of process.argv.slice(2)) {
  for (const name of fs.readdirSync(folder, { recursive: true })) {
    if (!/\.d\.[cm]?ts$/.test(name)) continue;
    const file = path.join(folder, name);
    const text = fs.readFileSync(file, "utf8");
    const blank = (token) => (KEPT.test(token) ? token : token.replace(/[^\n]/g, " "));
    fs.writeFileSync(file, text.replace(TOKENS, blank).replace(/[ \t]+$/gm, ""));
  }
}
