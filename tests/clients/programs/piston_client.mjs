// Runs programs with the package piston-client, and prints its answers as JSON.
// Arguments: the directory of its environment, and the URL of the server, without a path.
// Standard input: a list of the arguments of `execute`.
import { readFileSync } from "node:fs";

const [environment, server] = process.argv.slice(2);
const { piston } = await import(`${environment}/node_modules/piston-client/index.js`);
const client = piston({ server });
const answers = [];
for (const given of JSON.parse(readFileSync(0, "utf8"))) {
  answers.push(await client.execute(...given));
}
console.log(JSON.stringify({ answers, runtimes: await client.runtimes() }));
