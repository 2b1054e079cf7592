require("fs").writeFileSync("out.txt", "written\n");
