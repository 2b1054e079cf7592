import * as net from "node:net";

const server: net.Server = net.createServer((peer: net.Socket) => peer.end("pong\n"));
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as net.AddressInfo;
  const client: net.Socket = net.connect(port, "localhost");
  client.pipe(process.stdout);
  client.on("close", () => server.close());
});
