/** The languages: their names, highlighting and examples. The names are those of the SandboxRuntimes. */

import "prism-code-editor/prism/languages/bash";
import "prism-code-editor/prism/languages/c";
import "prism-code-editor/prism/languages/cpp";
import "prism-code-editor/prism/languages/csharp";
import "prism-code-editor/prism/languages/go";
import "prism-code-editor/prism/languages/java";
import "prism-code-editor/prism/languages/javascript";
import "prism-code-editor/prism/languages/php";
import "prism-code-editor/prism/languages/python";
import "prism-code-editor/prism/languages/ruby";
import "prism-code-editor/prism/languages/rust";
import "prism-code-editor/prism/languages/sql";
import "prism-code-editor/prism/languages/typescript";
// Comments and indentation:
import "prism-code-editor/languages/bash";
import "prism-code-editor/languages/clike";
import "prism-code-editor/languages/php";
import "prism-code-editor/languages/python";
import "prism-code-editor/languages/ruby";
import "prism-code-editor/languages/rust";
import "prism-code-editor/languages/sql";
import examples, { type Example } from "virtual:examples";

export type { Example };

interface Look {
  title: string;
  /** The name of Prism's grammar. */
  grammar: string;
  tabSize: number;
  hasTabs?: boolean;
}

const LOOKS: Record<string, Look> = {
  bash: { title: "Bash", grammar: "bash", tabSize: 4 },
  c: { title: "C", grammar: "c", tabSize: 4 },
  cpp: { title: "C++", grammar: "cpp", tabSize: 4 },
  csharp: { title: "C#", grammar: "csharp", tabSize: 4 },
  go: { title: "Go", grammar: "go", tabSize: 4, hasTabs: true },
  java: { title: "Java", grammar: "java", tabSize: 4 },
  javascript: { title: "JavaScript", grammar: "javascript", tabSize: 2 },
  php: { title: "PHP", grammar: "php", tabSize: 4 },
  python: { title: "Python", grammar: "python", tabSize: 4 },
  ruby: { title: "Ruby", grammar: "ruby", tabSize: 2 },
  rust: { title: "Rust", grammar: "rust", tabSize: 4 },
  sql: { title: "SQL (PostgreSQL)", grammar: "sql", tabSize: 2 },
  sqlite: { title: "SQL (SQLite)", grammar: "sql", tabSize: 2 },
  typescript: { title: "TypeScript", grammar: "typescript", tabSize: 2 },
};

const EXAMPLES: Record<string, string> = {
  hello: "Hello",
  stdin: "Standard input",
  arguments: "Arguments",
  environment: "Environment variables",
  exit_code: "Exit code",
  plot: "Plot as an image",
};

/** Return how a language looks, also one that the page does not know. */
export function lookOf(language: string): Look {
  return Object.hasOwn(LOOKS, language) && LOOKS[language] !== undefined
    ? LOOKS[language]
    : { title: language, grammar: "text", tabSize: 4 };
}

export function examplesOf(language: string): Example[] {
  return Object.hasOwn(examples, language) ? (examples[language] ?? []) : [];
}

export function titleOf(example: Example): string {
  return EXAMPLES[example.name] ?? example.name;
}

/** Return the languages that the page has examples for, before the gateway has answered. */
export function known(): string[] {
  return Object.keys(LOOKS);
}
