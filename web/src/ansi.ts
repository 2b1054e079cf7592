/** Colours in a program's output: the escape sequences of ECMA-48 as styles. Others are left out. */

/** A part of the output. `style` has names of CSS classes, separated by spaces. */
export interface Segment {
  text: string;
  style: string;
}

const ESCAPE = "\x1b";
/** Characters of an escape sequence. A longer one is shown as text. */
const LONGEST = 128;
/** A complete sequence: CSI, OSC and other strings, or one with a single final character. */
const SEQUENCE = /^\x1b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-OQ-WYZ\\`-~])/;
const BEGINNING = /^\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)$/;
/** Control characters that are not shown, all but tab and line feed. */
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]/g;

const FLAGS: Record<number, string> = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 9: "strike" };
const OFF: Record<number, string[]> = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 29: ["strike"] };

/** Reads one stream, of which the parts may end within a sequence. */
export class AnsiReader {
  #rest = "";
  #endedWithReturn = false;
  #flags = new Set<string>();
  #colour = "";
  #background = "";

  /** Return the visible text of the next part, with its styles. */
  read(part: string): Segment[] {
    // The end of a line may be cut into two parts.
    const own = this.#endedWithReturn && part.startsWith("\n") ? part.slice(1) : part;
    this.#endedWithReturn = part.endsWith("\r");
    const text = this.#rest + own.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
    this.#rest = "";
    const found: Segment[] = [];
    let at = 0;
    while (at < text.length) {
      const next = text.indexOf(ESCAPE, at);
      const end = next < 0 ? text.length : next;
      if (end > at) found.push({ text: text.slice(at, end).replace(CONTROLS, ""), style: this.#style() });
      if (next < 0) break;
      const begin = text.slice(next, next + LONGEST);
      const sequence = SEQUENCE.exec(begin);
      if (sequence === null && begin.length < LONGEST && BEGINNING.test(begin)) {
        this.#rest = begin;
        break;
      }
      if (sequence?.[2] === "m") this.#select(sequence[1] ?? "");
      at = next + (sequence?.[0].length ?? 1);
    }
    return found.filter((segment) => segment.text !== "");
  }

  #style(): string {
    return [...this.#flags, this.#colour, this.#background].filter((name) => name !== "").join(" ");
  }

  #select(parameters: string): void {
    const numbers = parameters.split(/[;:]/).map((word) => Number.parseInt(word || "0", 10));
    for (let at = 0; at < numbers.length; at += 1) {
      const number = numbers[at] ?? 0;
      if (number === 0) this.#reset();
      else if (FLAGS[number] !== undefined) this.#flags.add(FLAGS[number]);
      else if (OFF[number] !== undefined) for (const name of OFF[number]) this.#flags.delete(name);
      else if (number === 38 || number === 48) at += numbers[at + 1] === 5 ? 2 : 4; // 256 colours are not shown
      else if (number === 39) this.#colour = "";
      else if (number === 49) this.#background = "";
      else if (number >= 30 && number <= 37) this.#colour = `fg${number - 30}`;
      else if (number >= 90 && number <= 97) this.#colour = `fg${number - 90}`;
      else if (number >= 40 && number <= 47) this.#background = `bg${number - 40}`;
      else if (number >= 100 && number <= 107) this.#background = `bg${number - 100}`;
    }
  }

  #reset(): void {
    this.#flags.clear();
    this.#colour = this.#background = "";
  }
}
