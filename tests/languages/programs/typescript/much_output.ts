console.log("x".repeat(1048575));
