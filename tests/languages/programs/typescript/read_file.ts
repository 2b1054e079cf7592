import { readFileSync } from "node:fs";

process.stdout.write(readFileSync("data/numbers.txt", "utf8"));
