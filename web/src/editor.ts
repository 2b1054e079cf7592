/** The editor. Escape leaves it, so that Tab does not trap the users of a keyboard. */

import { createEditor, type PrismEditor } from "prism-code-editor";
import { defaultKeymap, editHistory, editorCommands } from "prism-code-editor/commands";
import "prism-code-editor/layout.css";
import { matchBrackets } from "prism-code-editor/match-brackets";
import { highlightBracketPairs } from "prism-code-editor/highlight-brackets";
import { lookOf } from "./languages.ts";

/** Characters up to which a program is highlighted: a change of a longer one would take too long. */
const HIGHLIGHTED = 100_000;

export class Editor {
  readonly #editor: PrismEditor;
  #language = "";

  /** `onRun` is called for Ctrl+Enter or Cmd+Enter. */
  constructor(container: HTMLElement, hints: string, onRun: () => void, onChange: () => void) {
    const keys = { ...defaultKeymap, "Mod+Enter": () => (onRun(), true) };
    // Without its extension for the cursor, which needs inline styles; browsers scroll to the cursor by themselves.
    this.#editor = createEditor(
      container,
      { language: "text", value: "", onUpdate: onChange },
      editorCommands(keys),
      editHistory(),
      matchBrackets(false),
      highlightBracketPairs(),
    );
    const area = this.#editor.textarea;
    area.id = "code";
    area.setAttribute("aria-label", "Program");
    area.setAttribute("aria-describedby", hints);
    area.setAttribute("autocorrect", "off");
  }

  get value(): string {
    return this.#editor.value;
  }

  show(code: string, language: string): void {
    this.#language = language;
    const look = lookOf(language);
    this.#editor.setOptions({
      value: code,
      language: code.length > HIGHLIGHTED ? "text" : look.grammar,
      tabSize: look.tabSize,
      insertSpaces: look.hasTabs !== true,
    });
  }

  get language(): string {
    return this.#language;
  }

  focus(): void {
    this.#editor.textarea.focus();
  }
}
