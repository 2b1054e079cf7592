declare module "virtual:examples" {
  import type { Example } from "./languages.ts";

  const examples: Record<string, Example[]>;
  export default examples;
}
