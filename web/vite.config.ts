/** The build. The examples are those of the runtimes, so that they are tested with the languages. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { defineConfig, type Plugin } from "vite";
import { parse } from "yaml";

const RUNTIMES = join(import.meta.dirname, "..", "runtimes");
const OWN = join(import.meta.dirname, "examples");
const ORDER = ["hello", "stdin", "arguments", "environment", "exit_code"];
/** What the licence of the library in the page asks for (MIT). */
const NOTICE = "/*! prism-code-editor, MIT, (c) Jonas Pytte, with parts of Prism, MIT, (c) Lea Verou */";

/** Return the examples of one language, each made of a YAML file and a source file of the same name. */
function examplesIn(folder: string): object[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).sort();
  return files
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => {
      const name = file.replace(/\.yaml$/, "");
      const source = files.find((other) => other.startsWith(`${name}.`) && other !== file);
      if (source === undefined) throw new Error(`${folder}/${file} has no source file`);
      const given = parse(readFileSync(join(folder, file), "utf8")) ?? {};
      return {
        name,
        extension: extname(source),
        code: readFileSync(join(folder, source), "utf8"),
        stdin: given.stdin ?? "",
        args: given.args ?? [],
        environment: given.environment ?? {},
      };
    })
    .sort((one, other) => place(one.name) - place(other.name));
}

function place(name: string): number {
  return (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
}

function examples(): Plugin {
  return {
    name: "examples",
    resolveId: (id) => (id === "virtual:examples" ? "\0virtual:examples" : undefined),
    load(id) {
      if (id !== "\0virtual:examples") return undefined;
      const found: Record<string, object[]> = {};
      for (const language of readdirSync(RUNTIMES).sort()) {
        const all = [...examplesIn(join(RUNTIMES, language, "examples")), ...examplesIn(join(OWN, language))];
        if (all.length > 0) found[language] = all;
      }
      return `export default ${JSON.stringify(found)};`;
    },
  };
}

export default defineConfig({
  base: "/play/",
  plugins: [examples()],
  build: {
    outDir: "../gateway/page",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "edge123", "firefox120", "safari17.5"], // the first with light-dark()
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { output: { postBanner: NOTICE } },
  },
});
