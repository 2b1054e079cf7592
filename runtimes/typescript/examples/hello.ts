const greeting: string = "Hello, World!";
console.log(greeting);
console.log(2 + 2);
