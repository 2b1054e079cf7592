const fs = require("fs");
console.log("Grüße 🎈");
console.log(fs.readFileSync(0, "utf8").trim());
