/** Files that programs get and return. Their names and contents are chosen by whoever wrote the program. */

import { fromBase64, size, toBase64 } from "./bytes.ts";
import type { InputFile } from "./types.ts";
import { Mistake } from "./words.ts";

/** The images that are shown. An SVG in an <img> runs no scripts and loads nothing. */
const IMAGES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
};

/** The gateway's limit of all files of a request (docs/user/api.md). */
const UPLOAD_BYTES = 512 * 1024;
const UPLOADS = 64;

/** Return the media type of a file that is shown as an image; null for others. */
export function imageType(path: string): string | null {
  const extension = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(IMAGES, extension) ? (IMAGES[extension] ?? null) : null;
}

/**
 * Return a name for a downloaded file: the last part of its path, without characters that a file system or
 * a shell treats specially, that change the direction of text, or that hide the extension.
 */
export function safeName(path: string): string {
  const last = path.split("/").pop() ?? "";
  const plain = last
    .normalize("NFC")
    .replace(/[\p{C}\p{Z}<>:"/\\|?*~$`']+/gu, "_")
    .replace(/^[.\s_-]+|[.\s]+$/g, "")
    .slice(-120);
  return plain === "" ? "file" : plain;
}

/** Return the contents of a file that a program made. The type is never one that a browser would run. */
export function blobOf(contentBase64: string, type = "application/octet-stream"): Blob {
  return new Blob([fromBase64(contentBase64)], { type });
}

/** Read files that the user chose, in addition to `before`. Throws Mistake if they are too large. */
export async function readFiles(chosen: readonly File[], before: readonly InputFile[]): Promise<InputFile[]> {
  const kept = before.filter((file) => !chosen.some((one) => one.name === file.path));
  const bytes = kept.reduce((sum, file) => sum + (file.content_base64.length * 3) / 4, 0);
  const total = chosen.reduce((sum, file) => sum + file.size, bytes);
  if (total > UPLOAD_BYTES) {
    throw new Mistake(`Files: must be at most ${size(UPLOAD_BYTES)} in all, but have ${size(Math.ceil(total))}.`);
  }
  if (kept.length + chosen.length > UPLOADS) throw new Mistake(`Files: at most ${UPLOADS} are allowed.`);
  const read = chosen.map(async (file) => ({
    path: file.name,
    content_base64: toBase64(new Uint8Array(await file.arrayBuffer())),
  }));
  return [...kept, ...(await Promise.all(read))];
}
