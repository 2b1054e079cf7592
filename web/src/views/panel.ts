/** What an execution does and returned: its status, output, figures, files and images. */

import { size } from "../bytes.ts";
import { el } from "../dom.ts";
import { blobOf, imageType, safeName } from "../files.ts";
import { Output, type Stream } from "../output.ts";
import { describe, type Words } from "../reasons.ts";
import type { InputFile, Result, ResultFile, Shown, State } from "../types.ts";
import { Results } from "./results.ts";

export class Panel {
  readonly element: HTMLElement;
  readonly #status = el("p", { class: "status", role: "status" });
  readonly #clock = el("span", { class: "clock", "aria-hidden": "true" });
  readonly #help = el("p", { class: "help", hidden: "" });
  readonly #output = new Output();
  readonly #results = new Results();
  readonly #truncated = el("p", { class: "note", hidden: "" });
  readonly #facts = el("dl", { class: "facts", hidden: "" });
  readonly #files = el("section", { class: "returned", "aria-label": "Files of the program", hidden: "" });
  #urls: string[] = [];
  #timer = 0;
  #ended = false;

  constructor(heading: string) {
    this.element = el(
      "section",
      { class: "panel", "aria-label": heading },
      el("div", { class: "head" }, this.#status, this.#clock),
      this.#help,
      this.#output.note,
      this.#output.element,
      this.#results.element,
      this.#truncated,
      this.#facts,
      this.#files,
    );
    this.reset("");
  }

  /** Remove what an earlier execution left. */
  reset(message: string): void {
    clearInterval(this.#timer);
    this.#ended = false;
    this.#output.clear();
    this.#results.clear();
    for (const url of this.#urls.splice(0)) URL.revokeObjectURL(url);
    this.#clock.textContent = "";
    for (const part of [this.#help, this.#truncated, this.#facts, this.#files]) part.hidden = true;
    this.#facts.replaceChildren();
    this.#files.replaceChildren();
    this.say(message, "neutral");
  }

  say(message: string, tone: string): void {
    this.#status.textContent = message;
    this.element.dataset["tone"] = tone;
  }

  /** Show that the program runs, and for how long, counted from now. */
  running(): void {
    if (this.#ended) return;
    this.say("Running", "busy");
    const began = Date.now();
    clearInterval(this.#timer);
    this.#timer = window.setInterval(() => {
      this.#clock.textContent = `${((Date.now() - began) / 1000).toFixed(1)} s`;
    }, 100);
  }

  append(stream: Stream, text: string): void {
    this.#output.append(stream, text);
  }

  /** Show a result of a cell. */
  show(shown: Shown): void {
    this.#results.add(shown);
  }

  failed(words: Words): void {
    this.#stop();
    this.say(words.title, words.tone);
    this.#help.textContent = words.help;
    this.#help.hidden = words.help === "";
  }

  /** Show the end of an execution. `sent` are its input files, of which unchanged ones are left out. */
  ended(state: State, sent: readonly InputFile[] = []): void {
    this.failed(describe(state));
    const result = state.result;
    if (result === null) return;
    if (result.error) this.#results.addError(result.error);
    this.#showTruncation(result);
    this.#showFacts(result);
    const isNew = (file: ResultFile): boolean =>
      !sent.some((one) => one.path === file.path && one.content_base64 === file.content_base64);
    this.#showFiles(result, (result.files ?? []).filter(isNew));
  }

  #stop(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#clock.textContent = "";
    this.#output.flush();
  }

  #showTruncation(result: Result): void {
    const streams = [result.stdout_truncated ? "standard output" : "", result.stderr_truncated ? "standard error" : ""];
    const cut = streams.filter((name) => name !== "").join(" and ");
    this.#truncated.hidden = cut === "";
    this.#truncated.textContent = `The end of the ${cut} is missing, because more than 256 KiB were printed.`;
  }

  #showFacts(result: Result): void {
    const facts: [string, string][] = [];
    if (result.exit_code !== null) facts.push(["Exit code", String(result.exit_code)]);
    facts.push(["Reason", result.reason]);
    if (result.state_lost === true) facts.push(["Variables", "lost: the interpreter ended"]);
    if (result.results_truncated === true) facts.push(["Results", "some are missing, because they are too large"]);
    if (result.execution_time !== null) facts.push(["Time", `${result.execution_time.toFixed(3)} s`]);
    if (result.compile_seconds !== undefined) facts.push(["Compiler", `${result.compile_seconds.toFixed(2)} s`]);
    if (result.usage !== null) {
      facts.push(["Processor", `${result.usage.cpu_seconds.toFixed(3)} s`]);
      facts.push(["Memory", size(result.usage.max_memory_bytes)]);
    }
    if (result.queue_time !== null && result.queue_time >= 0.1) facts.push(["Waited", `${result.queue_time.toFixed(1)} s`]);
    this.#facts.replaceChildren(
      ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    );
    this.#facts.hidden = false;
  }

  #showFiles(result: Result, files: readonly ResultFile[]): void {
    const omitted = result.files_omitted ?? [];
    if (files.length === 0 && omitted.length === 0) return;
    const list = el("ul", { class: "files" });
    for (const file of files) list.append(this.#row(file));
    for (const file of omitted) {
      list.append(el("li", {}, el("span", {}, file.path), ` was left out (${size(file.size)}, ${file.reason})`));
    }
    this.#files.append(el("h2", {}, "Files"), list);
    this.#files.hidden = false;
  }

  #row(file: ResultFile): HTMLLIElement {
    const blob = blobOf(file.content_base64);
    const url = this.#urlOf(blob);
    const link = el("a", { href: url, download: safeName(file.path) }, file.path);
    const row = el("li", {}, link, ` ${size(blob.size)}`);
    const type = imageType(file.path);
    if (type !== null) {
      // An SVG that is opened by itself would be a document of this origin if it had a blob's address.
      const source = type === "image/svg+xml" ? `data:${type};base64,${file.content_base64}` : this.#urlOf(blobOf(file.content_base64, type));
      row.append(el("img", { src: source, alt: `The image ${file.path} that the program made` }));
    }
    return row;
  }

  #urlOf(blob: Blob): string {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    return url;
  }
}
