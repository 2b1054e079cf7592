import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer


class Pong(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"pong\n")

    def log_message(self, *_):
        pass


server = HTTPServer(("localhost", 0), Pong)
threading.Thread(target=server.serve_forever, daemon=True).start()
with urllib.request.urlopen(f"http://localhost:{server.server_port}/", timeout=5) as answer:
    print(answer.read().decode(), end="")
server.shutdown()
