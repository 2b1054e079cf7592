import { readFileSync } from "node:fs";

console.log("Grüße 🎈");
console.log(readFileSync(0, "utf8").trim());
