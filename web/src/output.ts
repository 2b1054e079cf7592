/** The output of a program: text nodes only, and of much output only the end. */

import { AnsiReader } from "./ansi.ts";
import { el } from "./dom.ts";

export type Stream = "stdout" | "stderr";

/** Characters that stay in the page. */
export const KEPT = 256 * 1024;
/** Elements that stay in the page, because each change of the colour or stream makes one. */
export const KEPT_PARTS = 4000;

export class Output {
  readonly element = el("pre", { class: "output", tabindex: "0", "aria-label": "Output of the program", role: "region" });
  readonly note = el("p", { class: "note", hidden: "" });
  /** Characters of each stream so far. */
  readonly printed: Record<Stream, number> = { stdout: 0, stderr: 0 };

  #readers: Record<Stream, AnsiReader> = { stdout: new AnsiReader(), stderr: new AnsiReader() };
  #waiting: [Stream, string][] = [];
  #waitingLength = 0;
  #frame = 0;
  #length = 0;
  #removed = 0;

  clear(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#waiting = [];
    this.#waitingLength = this.#length = this.#removed = 0;
    this.#readers = { stdout: new AnsiReader(), stderr: new AnsiReader() };
    this.printed.stdout = this.printed.stderr = 0;
    this.element.replaceChildren();
    this.note.hidden = true;
  }

  /** Append a part, at the next frame, so that many small parts cost one layout. */
  append(stream: Stream, text: string): void {
    this.printed[stream] += text.length;
    this.#waiting.push([stream, text]);
    this.#waitingLength += text.length;
    if (this.#waitingLength > KEPT) this.flush();
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.flush());
  }

  /** Show what was appended. */
  flush(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const atEnd = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 40;
    for (const [stream, text] of this.#waiting) this.#show(stream, text);
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#trim();
    if (atEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  #show(stream: Stream, text: string): void {
    for (const segment of this.#readers[stream].read(text)) {
      const style = `${stream} ${segment.style}`.trim();
      const last = this.element.lastChild;
      if (last instanceof HTMLElement && last.className === style && last.firstChild instanceof Text) {
        last.firstChild.appendData(segment.text);
      } else {
        this.element.append(el("span", { class: style }, segment.text));
      }
      this.#length += segment.text.length;
    }
  }

  #trim(): void {
    while (this.#length > KEPT || this.element.childNodes.length > KEPT_PARTS) {
      const first = this.element.firstChild;
      if (first === null) break;
      const length = first.textContent?.length ?? 0;
      const surplus = this.#length - KEPT;
      if (surplus > 0 && surplus < length && first.firstChild instanceof Text) {
        first.firstChild.deleteData(0, surplus);
        this.#count(surplus);
      } else {
        first.remove();
        this.#count(length);
      }
    }
    this.note.hidden = this.#removed === 0;
    this.note.textContent = `The first ${this.#removed.toLocaleString("en")} characters are not shown.`;
  }

  #count(removed: number): void {
    this.#length -= removed;
    this.#removed += removed;
  }
}
