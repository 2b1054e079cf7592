/** What the browser keeps. Without storage (a private window, a full disk) the page works and forgets. */

type Place = "local" | "session";

export function read(place: Place, name: string): string | null {
  try {
    return storage(place).getItem(`cloche.${name}`);
  } catch {
    return null;
  }
}

/** Keep a value; null removes it. */
export function write(place: Place, name: string, value: string | null): void {
  try {
    if (value === null) storage(place).removeItem(`cloche.${name}`);
    else storage(place).setItem(`cloche.${name}`, value);
  } catch {
    // Full or forbidden.
  }
}

function storage(place: Place): Storage {
  return place === "local" ? localStorage : sessionStorage;
}
