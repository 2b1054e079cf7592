require "net/http"
require "socket"

server = TCPServer.new("localhost", 0)
serving = Thread.new do
  peer = server.accept
  nil until peer.gets.strip.empty?
  peer.write("HTTP/1.0 200 OK\r\n\r\npong\n")
  peer.close
end
print Net::HTTP.get(URI("http://localhost:#{server.addr[1]}/"))
serving.join
