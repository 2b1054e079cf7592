console.error("Something is wrong");
process.exitCode = 3;
