/** The page: its views by the fragment of the address, its key and its theme. */

import "./style.css";
import { Api, ApiError } from "./api.ts";
import { byId } from "./dom.ts";
import { Keys } from "./key.ts";
import { connectTheme } from "./theme.ts";
import { ExecutionsView } from "./views/executions.ts";
import { PlayView } from "./views/play.ts";

const EXECUTION = /^#execution=([0-9A-Za-z.-]{1,253})$/;

const isEmbedded = new URLSearchParams(location.search).has("embed");
document.documentElement.classList.toggle("embed", isEmbedded);
connectTheme(byId("theme", HTMLSelectElement));

const keys = new Keys();
const api = new Api(() => keys.current);
keys.connect(api);

const play = new PlayView(api, keys, isEmbedded);
const executions = isEmbedded ? null : new ExecutionsView(api, keys);

/** Show the view that the fragment names. A shared program is opened only when the page is loaded, or by a link. */
function route(): void {
  const opened = EXECUTION.exec(location.hash);
  const isList = executions !== null && (opened !== null || location.hash === "#executions");
  byId("play", HTMLElement).hidden = isList;
  byId("executions", HTMLElement).hidden = !isList;
  mark(byId("to-play", HTMLAnchorElement), !isList);
  mark(byId("to-executions", HTMLAnchorElement), isList);
  document.title = isList ? "Executions – Cloche" : "Cloche playground";
  if (isList) executions.show(opened?.[1] ?? "");
  else executions?.hide();
}

function mark(link: HTMLAnchorElement, isCurrent: boolean): void {
  if (isCurrent) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}

byId("skip", HTMLButtonElement).addEventListener("click", () => play.focus());
window.addEventListener("hashchange", () => {
  route();
  if (location.hash.startsWith("#code=")) void play.open(location.hash.slice(1));
});
route();
await play.open(location.hash.slice(1));

try {
  const languages = await api.languages();
  executions?.offer(languages);
  await play.connect(languages);
} catch (error) {
  if (!(error instanceof ApiError)) throw error; // the page works with the languages that it knows
}
