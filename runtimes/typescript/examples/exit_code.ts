console.error("Something is wrong");
process.exit(3);
