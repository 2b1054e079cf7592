import { writeFileSync } from "node:fs";

writeFileSync("out.txt", "written\n");
