const http = require("node:http");

const server = http.createServer((request, response) => response.end("pong\n"));
server.listen(0, async () => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
  process.stdout.write(await answer.text());
  http.get({ host: "localhost", port: server.address().port }, (response) => {
    response.resume();
    response.on("end", () => process.exit(0));
  });
});
