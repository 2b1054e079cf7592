process.stdout.write(require("fs").readFileSync("data/numbers.txt", "utf8"));
