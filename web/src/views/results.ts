/** What a cell shows. A program chose it: it never becomes markup of this page. */

import { el } from "../dom.ts";
import { blobOf } from "../files.ts";
import type { CellError, Shown } from "../types.ts";

/** Raster images. An SVG is shown separately, because it is text. */
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"] as const;
const SVG = "image/svg+xml";
const HTML = "text/html";
/** Results that stay in the page, the most that a cell can have. */
const MOST = 32;

export class Results {
  readonly element = el("section", { class: "results", "aria-label": "Results of the cell", hidden: "" });
  #urls: string[] = [];

  clear(): void {
    for (const url of this.#urls.splice(0)) URL.revokeObjectURL(url);
    this.element.replaceChildren();
    this.element.hidden = true;
  }

  /** Show a result in its best representation. */
  add(shown: Shown): void {
    if (this.element.childElementCount >= MOST) return;
    const { data } = shown;
    const image = IMAGES.find((type) => data[type] !== undefined);
    const plain = data["text/plain"] ?? Object.values(data)[0] ?? "";
    if (image !== undefined) this.#append(this.#image(image, data[image] ?? "", plain));
    else if (data[SVG] !== undefined) this.#append(picture(`data:${SVG};charset=utf-8,${encodeURIComponent(data[SVG])}`, plain));
    else if (data[HTML] !== undefined) this.#append(framed(data[HTML]), alternative(plain));
    else this.#append(el("pre", { class: "value" }, plain));
  }

  addError(error: CellError): void {
    this.#append(el("pre", { class: "value stderr" }, error.traceback));
  }

  #append(...parts: Node[]): void {
    this.element.append(el("div", { class: "result" }, ...parts));
    this.element.hidden = false;
  }

  #image(type: string, content: string, plain: string): Node {
    try {
      const url = URL.createObjectURL(blobOf(content, type));
      this.#urls.push(url);
      return picture(url, plain);
    } catch {
      return el("pre", { class: "value" }, plain); // it is no base64
    }
  }
}

/** An image. A browser runs no script of an SVG in it, and loads nothing for it. */
function picture(url: string, plain: string): HTMLImageElement {
  return el("img", { src: url, alt: plain.slice(0, 200) || "An image that the cell made" });
}

/**
 * HTML in a frame with an origin of its own, without scripts, forms, and links that lead anywhere. It also
 * inherits the policy of this page, which lets it load nothing.
 */
function framed(html: string): HTMLIFrameElement {
  return el("iframe", { sandbox: "", srcdoc: html, title: "HTML that the cell made", referrerpolicy: "no-referrer" });
}

function alternative(plain: string): HTMLDetailsElement {
  return el("details", {}, el("summary", {}, "As text"), el("pre", { class: "value" }, plain));
}
