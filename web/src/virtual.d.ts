declare module "virtual:examples" {
  export interface Example {
    name: string;
    /** With its dot. */
    extension: string;
    code: string;
    stdin: string;
    args: string[];
    environment: Record<string, string>;
  }

  const examples: Record<string, Example[]>;
  export default examples;
}
