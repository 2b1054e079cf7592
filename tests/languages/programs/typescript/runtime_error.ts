console.log("before");
const none = JSON.parse("null") as { length: number };
console.log(none.length);
