/** The form of a program's input: the editor and the fields below it. */

import { byId, button, el, fill } from "../dom.ts";
import { size } from "../bytes.ts";
import type { Editor } from "../editor.ts";
import { readFiles } from "../files.ts";
import { lookOf } from "../languages.ts";
import { EMPTY, type Program } from "../program.ts";
import type { InputFile } from "../types.ts";
import { Mistake } from "../words.ts";

const TEXTS = ["stdin", "args", "environment", "patterns"] as const;

export class Inputs {
  readonly language = byId("language", HTMLSelectElement);
  readonly #editor: Editor;
  readonly #timeout = byId("timeout", HTMLInputElement);
  readonly #upload = byId("upload", HTMLInputElement);
  readonly #uploads = byId("uploads", HTMLUListElement);
  readonly #details = byId("input", HTMLDetailsElement);
  readonly #onChange: () => void;
  #files: InputFile[] = [];

  /** `onMistake` is called for files that cannot be used. */
  constructor(editor: Editor, onChange: () => void, onMistake: (message: string) => void) {
    this.#editor = editor;
    this.#onChange = onChange;
    for (const name of TEXTS) textOf(name).addEventListener("input", onChange);
    this.#timeout.addEventListener("input", onChange);
    this.#upload.addEventListener("change", () => void this.#add(onMistake));
    this.language.addEventListener("change", () => {
      this.#editor.show(this.#editor.value, this.language.value);
      onChange();
    });
  }

  offer(languages: readonly string[]): void {
    const before = this.language.value;
    const all = languages.includes(before) || before === "" ? languages : [...languages, before];
    fill(this.language, all.map((name) => [name, lookOf(name).title] as const));
  }

  get program(): Program {
    return {
      language: this.language.value,
      code: this.#editor.value,
      stdin: textOf("stdin").value,
      args: textOf("args").value,
      environment: textOf("environment").value,
      timeout: this.#timeout.value === "" ? EMPTY.timeout : this.#timeout.valueAsNumber,
      patterns: textOf("patterns").value,
      files: this.#files,
    };
  }

  set program(program: Program) {
    if (![...this.language.options].some((option) => option.value === program.language)) {
      this.language.append(el("option", { value: program.language }, lookOf(program.language).title));
    }
    this.language.value = program.language;
    for (const name of TEXTS) textOf(name).value = program[name];
    this.#timeout.value = String(program.timeout);
    this.#files = program.files;
    this.#showFiles();
    this.#editor.show(program.code, program.language);
    if (program.stdin + program.args + program.environment !== "" || program.files.length > 0) this.#details.open = true;
  }

  async #add(onMistake: (message: string) => void): Promise<void> {
    try {
      this.#files = await readFiles([...(this.#upload.files ?? [])], this.#files);
    } catch (error) {
      onMistake(error instanceof Mistake ? error.message : "The file could not be read.");
    }
    this.#upload.value = "";
    this.#showFiles();
    this.#onChange();
  }

  #showFiles(): void {
    const rows = this.#files.map((file) => {
      const bytes = Math.floor((file.content_base64.replace(/=+$/, "").length * 3) / 4);
      const remove = button("Remove", () => this.#remove(file), { "aria-label": `Remove ${file.path}` });
      return el("li", {}, el("span", {}, file.path), ` ${size(bytes)} `, remove);
    });
    this.#uploads.replaceChildren(...rows);
  }

  #remove(file: InputFile): void {
    this.#files = this.#files.filter((one) => one !== file);
    this.#showFiles();
    this.#upload.focus();
    this.#onChange();
  }
}

function textOf(name: (typeof TEXTS)[number]): HTMLInputElement | HTMLTextAreaElement {
  return name === "stdin" || name === "environment" ? byId(name, HTMLTextAreaElement) : byId(name, HTMLInputElement);
}
