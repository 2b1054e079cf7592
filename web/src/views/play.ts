/** The view in which a program is written and run. */

import type { Api } from "../api.ts";
import { byId, copy, fill } from "../dom.ts";
import { Editor } from "../editor.ts";
import type { Keys } from "../key.ts";
import { type Example, examplesOf, known, titleOf } from "../languages.ts";
import { EMPTY, fromLink, fromText, linkOf, type Program, requestOf, toText } from "../program.ts";
import { Runner } from "../runner.ts";
import { asCli, asCurl, asPython } from "../snippets.ts";
import { read, write } from "../storage.ts";
import type { ExecuteRequest } from "../types.ts";
import { joinWords, Mistake } from "../words.ts";
import { Inputs } from "./inputs.ts";
import { Notice } from "./notice.ts";
import { Panel } from "./panel.ts";
import { SessionControl } from "./session.ts";

const SAVED_AFTER_MS = 300;

export class PlayView {
  readonly #notice = new Notice();
  readonly #panel = new Panel("Result");
  readonly #run = byId("run", HTMLButtonElement);
  readonly #cancel = byId("cancel", HTMLButtonElement);
  readonly #example = byId("example", HTMLSelectElement);
  readonly #openFull = byId("open-full", HTMLAnchorElement);
  readonly #copyMenu = byId("copy-menu", HTMLDetailsElement);
  readonly #inputs: Inputs;
  readonly #editor: Editor;
  readonly #session: SessionControl;
  readonly #runner: Runner;
  readonly #isEmbedded: boolean;
  #timer = 0;
  /** Whether the page changes its own fields. The editor reports its first, empty text, too. */
  #isLoading = true;

  constructor(api: Api, keys: Keys, isEmbedded: boolean) {
    this.#isEmbedded = isEmbedded;
    const changed = (): void => this.#changed();
    const start = (): void => void this.#start();
    this.#editor = new Editor(byId("editor", HTMLElement), "hints", start, changed);
    this.#inputs = new Inputs(this.#editor, changed, (message) => this.#notice.show(message));
    this.#inputs.offer(known());
    this.#session = new SessionControl(api, keys);
    byId("result", HTMLElement).append(this.#panel.element);
    this.#panel.reset("Press Run to see the output here");
    this.#runner = new Runner(api, keys, this.#panel, (isRunning) => {
      this.#run.disabled = isRunning;
      this.#cancel.disabled = !isRunning;
    });
    this.#run.addEventListener("click", start);
    this.#cancel.addEventListener("click", () => void this.#runner.cancel());
    byId("load-example", HTMLButtonElement).addEventListener("click", () => this.#loadExample());
    byId("share", HTMLButtonElement).addEventListener("click", () => void this.#share());
    this.#connectCopies();
    window.addEventListener("pagehide", () => this.#saveNow());
    document.addEventListener("keydown", (event) => {
      const isRun = event.key === "Enter" && (event.ctrlKey || event.metaKey);
      if (!isRun || event.defaultPrevented || byId("play", HTMLElement).hidden || keys.isAsking) return;
      event.preventDefault();
      start();
    });
    this.#isLoading = false;
  }

  /** Show the program of the fragment, else the one of before, else an example. */
  async open(fragment: string): Promise<void> {
    const saved = this.#isEmbedded ? null : read("local", "program");
    const draft = saved === null ? null : fromText(saved);
    try {
      const shared = await fromLink(fragment);
      if (shared !== null) {
        this.#show(shared);
        if (draft !== null && saved !== toText(shared)) this.#offerBack(draft);
        return;
      }
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      this.#notice.show(error.message);
    }
    this.#show(draft ?? { ...EMPTY, ...programOf(examplesOf(EMPTY.language)[0]) });
  }

  /** Offer these languages, and the session of before. */
  async connect(languages: readonly string[]): Promise<void> {
    this.#inputs.offer(languages);
    await this.#session.restore();
  }

  focus(): void {
    this.#editor.focus();
  }

  #offerBack(draft: Program): void {
    const run = (): void => {
      this.#show(draft);
      this.#leaveLink();
    };
    this.#notice.show("This program came with the link. Read it before you run it.", { label: "Back to my program", run });
  }

  #show(program: Program): void {
    this.#isLoading = true;
    this.#inputs.program = program;
    this.#isLoading = false;
    this.#followLanguage();
  }

  #followLanguage(): void {
    const language = this.#inputs.language.value;
    this.#session.language = language;
    if (this.#example.dataset["language"] === language) return;
    this.#example.dataset["language"] = language;
    fill(this.#example, examplesOf(language).map((one) => [one.name, titleOf(one)] as const));
  }

  #changed(): void {
    if (this.#isLoading) return;
    this.#followLanguage();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#saveNow(), SAVED_AFTER_MS);
  }

  /** Save what has changed since it was last saved. */
  #saveNow(): void {
    if (this.#timer === 0) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    void this.#save();
  }

  async #save(): Promise<void> {
    if (!this.#isEmbedded) {
      write("local", "program", toText(this.#inputs.program));
      this.#leaveLink();
      return;
    }
    const fragment = await linkOf(this.#inputs.program).catch(() => "");
    this.#openFull.href = fragment === "" ? "/play" : `/play#${fragment}`;
  }

  /** Remove a shared program from the address, because the page no longer shows it. */
  #leaveLink(): void {
    if (location.hash.startsWith("#code=")) history.replaceState(null, "", location.pathname + location.search);
  }

  #loadExample(): void {
    const example = examplesOf(this.#inputs.language.value).find((one) => one.name === this.#example.value);
    if (example === undefined) return;
    const before = this.#inputs.program;
    this.#inputs.program = { ...EMPTY, language: before.language, ...programOf(example) };
    this.#changed();
    if (before.code.trim() !== "" && before.code !== example.code) {
      const run = (): void => {
        this.#show(before);
        this.#changed();
      };
      this.#notice.show("The example has replaced your program.", { label: "Undo", run });
    }
  }

  /** The request of the program, or null with a notice if the program has a mistake. */
  #request(sessionId: string | null): ExecuteRequest | null {
    try {
      return requestOf(this.#inputs.program, sessionId);
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      this.#notice.show(error.message);
      return null;
    }
  }

  async #start(): Promise<void> {
    if (this.#runner.isRunning) return;
    const sessionId = this.#session.idFor(this.#inputs.language.value);
    const request = this.#request(sessionId);
    if (request === null) return;
    this.#notice.hide();
    const error = await this.#runner.run(request);
    if (error?.status === 404 && sessionId !== null) {
      this.#session.lost();
      this.#notice.show("The session has ended, and its files are gone. Run again without it, or create a new one.");
    }
  }

  async #share(): Promise<void> {
    this.#saveNow(); // later it would remove the link from the address again
    try {
      const fragment = await linkOf(this.#inputs.program);
      history.replaceState(null, "", `${location.pathname}#${fragment}`);
      const isCopied = await copy(location.href).then(() => true, () => false);
      const where = isCopied ? "is copied" : "is in the address bar";
      this.#notice.show(`The link ${where}. It contains the program with its input, but no API key.`);
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      this.#notice.show(error.message);
    }
  }

  #connectCopies(): void {
    const forms = { "copy-curl": asCurl, "copy-python": asPython, "copy-cli": asCli };
    for (const [id, form] of Object.entries(forms)) {
      byId(id, HTMLButtonElement).addEventListener("click", () => {
        const sessionId = this.#session.idFor(this.#inputs.language.value);
        const request = this.#request(sessionId);
        this.#copyMenu.open = false;
        if (request === null) return;
        copy(form(request, location.origin)).then(
          () => this.#notice.show("Copied. Put your API key into CLOCHE_API_KEY."),
          () => this.#notice.show("The browser refuses access to the clipboard."),
        );
      });
    }
    this.#copyMenu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#copyMenu.open = false;
      this.#copyMenu.querySelector("summary")?.focus();
    });
    document.addEventListener("click", (event) => {
      if (event.target instanceof Node && !this.#copyMenu.contains(event.target)) this.#copyMenu.open = false;
    });
  }
}

/** The fields of a program that an example fills. */
function programOf(example: Example | undefined): Partial<Program> {
  if (example === undefined) return {};
  const environment = Object.entries(example.environment).map(([name, value]) => `${name}=${value}`);
  return { code: example.code, stdin: example.stdin, args: joinWords(example.args), environment: environment.join("\n") };
}
