/** Split a line into arguments, and quote texts, by the rules of a POSIX shell. */

/** A mistake of the user in a field of the page. */
export class Mistake extends Error {}

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Return the words of a line. Throws Mistake if a quote is not closed. */
export function parseWords(line: string): string[] {
  const words: string[] = [];
  let word = "";
  let inWord = false;
  let quote = "";
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote !== "") {
      if (char === quote) quote = "";
      else if (char === "\\" && quote === '"' && /["\\$`]/.test(line.charAt(at + 1))) word += line.charAt((at += 1));
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      inWord = true;
    } else if (char === "\\" && at + 1 < line.length) {
      word += line.charAt((at += 1));
      inWord = true;
    } else if (/\s/.test(char)) {
      if (inWord) words.push(word);
      word = "";
      inWord = false;
    } else {
      word += char;
      inWord = true;
    }
  }
  if (quote !== "") throw new Mistake(`Arguments: the quote ${quote} is not closed.`);
  if (inWord) words.push(word);
  return words;
}

/** Return a text as one word of a shell's command. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export function joinWords(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Return the variables in lines of the form NAME=VALUE. Throws Mistake for another line. */
export function parseVariables(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const equals = line.indexOf("=");
    const name = line.slice(0, equals).trim();
    if (equals < 0 || !NAME.test(name)) {
      throw new Mistake(`Environment variables: each line must be NAME=VALUE, but one is "${line.slice(0, 40)}".`);
    }
    found[name] = line.slice(equals + 1);
  }
  return found;
}
