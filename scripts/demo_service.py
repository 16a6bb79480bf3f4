#!/usr/bin/env python3
"""The service of the demos: lets in whoever shows a key that stands in the delivered file, as a service with keys of its own does.

usage: demo_service.py DELIVERED_FILE FILE_FOR_THE_PORT
"""

import http.server
import pathlib
import re
import sys

delivered, port = map(pathlib.Path, sys.argv[1:])


class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = re.findall(r"^API_KEY_(?:PRIMARY|SECONDARY)=(.+)$", delivered.read_text(), re.MULTILINE)
        shown = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.send_response(200 if shown in known else 401)
        self.end_headers()

    def log_message(self, *_):
        """What is shown at the door stays there."""


server = http.server.HTTPServer(("127.0.0.1", 0), Door)
port.write_text(str(server.server_port))
server.serve_forever()
