/** Light and dark: by default as the system, otherwise as the user chose. */

import { read, write } from "./storage.ts";

const CHOICES = ["auto", "light", "dark"];

export function connectTheme(select: HTMLSelectElement): void {
  const saved = read("local", "theme") ?? "auto";
  select.value = CHOICES.includes(saved) ? saved : "auto";
  const apply = (): void => {
    document.documentElement.dataset["theme"] = select.value;
  };
  apply();
  select.addEventListener("change", () => {
    write("local", "theme", select.value);
    apply();
  });
}
