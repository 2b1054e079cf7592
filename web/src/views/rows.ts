/** The rows of the list of executions. They stay when the list is refreshed, and so does the focus. */

import { button, el } from "../dom.ts";
import { lookOf } from "../languages.ts";
import { shortly } from "../reasons.ts";
import type { Listed } from "../types.ts";

const STATUS: Record<Listed["status"], string> = {
  pending: "Pending",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

interface Row {
  element: HTMLTableRowElement;
  status: HTMLElement;
  time: HTMLElement;
  result: HTMLElement;
}

export class Rows {
  readonly #body: HTMLTableSectionElement;
  readonly #onOpen: (id: string) => void;
  #rows = new Map<string, Row>();
  #before = "";

  constructor(body: HTMLTableSectionElement, onOpen: (id: string) => void) {
    this.#body = body;
    this.#onOpen = onOpen;
  }

  /** Show these executions; return whether they differ from those of before. */
  show(executions: readonly Listed[]): boolean {
    const now = JSON.stringify(executions);
    if (now === this.#before) return false;
    this.#before = now;
    const kept = new Map<string, Row>();
    for (const one of executions) {
      const row = this.#rows.get(one.execution_id) ?? this.#make(one);
      row.element.dataset["status"] = one.status;
      row.status.textContent = STATUS[one.status];
      row.time.textContent = one.execution_time === null ? "" : `${one.execution_time.toFixed(2)} s`;
      row.result.textContent = one.reason === null ? "" : shortly(one.reason, one.exit_code);
      kept.set(one.execution_id, row);
    }
    const order = [...kept.values()].map((row) => row.element);
    if (order.length !== this.#body.children.length || order.some((row, at) => this.#body.children[at] !== row)) {
      const focused = document.activeElement;
      this.#body.replaceChildren(...order);
      if (focused instanceof HTMLElement && this.#body.contains(focused)) focused.focus();
    }
    this.#rows = kept;
    return true;
  }

  /** Move the focus to an execution, if it is in the list. */
  focus(id: string): void {
    this.#rows.get(id)?.element.querySelector("button")?.focus();
  }

  #make(one: Listed): Row {
    const status = el("span", { class: "badge" });
    const time = el("td");
    const result = el("td");
    const id = one.execution_id;
    const open = button(id.slice(0, 8), () => this.#onOpen(id), { class: "link", "aria-label": `Open execution ${id}`, title: id });
    const created = el("time", { datetime: one.created_at }, new Date(one.created_at).toLocaleString());
    const element = el(
      "tr",
      {},
      el("td", {}, status),
      el("td", {}, lookOf(one.language).title),
      el("td", {}, created),
      time,
      result,
      el("td", {}, one.session_id ?? ""),
      el("td", {}, open),
    );
    return { element, status, time, result };
  }
}
