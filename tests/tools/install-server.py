# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server on 127.0.0.1 for the tests of network trees.

usage: install-server.py DIRECTORY PORT_FILE

Serves DIRECTORY with byte ranges. A path below /flaky/ is the same tree, but
each answer ends after half of what was asked for, so that a client gets a file
only by resuming; below /dumb/ ranges are not known.
"""
import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    top = "."

    def locate(self):
        kind, path = "", self.path.lstrip("/")
        for word in ("flaky", "dumb"):
            if path.startswith(word + "/"):
                kind, path = word, path[len(word) + 1:]
        return kind, os.path.join(self.top, path)

    def range_start(self, kind):
        given = self.headers.get("Range", "")
        if kind == "dumb" or not given.startswith("bytes="):
            return 0
        return int(given[6:].split("-")[0])

    def begin(self):
        kind, path = self.locate()
        if not os.path.isfile(path):
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        with open(path, "rb") as f:
            data = f.read()
        start = self.range_start(kind)
        body = data[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return kind, body

    def do_HEAD(self):
        self.begin()

    def do_GET(self):
        answer = self.begin()
        if not answer:
            return
        kind, body = answer
        if kind in ("flaky", "dumb") and len(body) > 1000:
            self.wfile.write(body[:len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def main():
    Handler.top = sys.argv[1]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with open(sys.argv[2] + ".new", "w") as f:
        f.write(str(server.server_address[1]))
    os.rename(sys.argv[2] + ".new", sys.argv[2])
    server.serve_forever()


if __name__ == "__main__":
    main()
