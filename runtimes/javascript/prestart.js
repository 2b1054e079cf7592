// Wait for the program's arguments and environment, which are the first bytes of standard input
// (docs/design/prestart.md). interfaces.js loads this file first in a process that is started before there
// is a program. Afterwards nothing of it is left for the program to find.
"use strict";

const fs = require("node:fs");
const Module = require("node:module");

const LENGTH_BYTES = 4;

// Loading what most programs use does not change what they find. Using it would: a write to a stream leaves
// work for the event loop, and `process.stdout` changes the mode of the pipe.
function warm() {
  for (const name of ["net", "path", "stream", "string_decoder", "timers", "tty", "url", "util", "vm"]) {
    require(`node:${name}`);
  }
  require("node:util").format("%d", 1, { list: [1, "text"], map: new Map([[1, 2]]), error: new Error("text") });
}

function take(size) {
  const data = Buffer.alloc(size);
  for (let taken = 0; taken < size; ) {
    const got = fs.readSync(0, data, taken, size - taken, null);
    if (got === 0) process.reallyExit(0); // there will be no program
    taken += got;
  }
  return data;
}

delete process.env.CLOCHE_PRESTART;
warm();
const words = take(take(LENGTH_BYTES).readUInt32BE()).toString().split("\0");
const count = Number(words[0]);
process.argv.push(...words.slice(1, 1 + count));
for (const pair of words.slice(1 + count, -1)) {
  const end = pair.indexOf("=");
  process.env[pair.slice(0, end)] = pair.slice(end + 1);
}

delete require.cache[__filename];
module.parent.children.length = 0;
for (const name of Object.keys(Module._pathCache)) {
  if (Module._pathCache[name] === __filename) delete Module._pathCache[name];
}
