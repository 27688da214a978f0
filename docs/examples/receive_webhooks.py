"""Receives webhooks of Signalbox and verifies their signatures, with Python's standard library alone.

Usage: WEBHOOK_SECRET=whsec_... python receive_webhooks.py [PORT]
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["WEBHOOK_SECRET"]
KEY = base64.b64decode(SECRET.removeprefix("whsec_")) if SECRET.startswith("whsec_") else SECRET.encode()
OLDEST_SECONDS = 5 * 60
seen: set[str] = set()


def is_ours(headers, body: bytes) -> bool:
    """True if the post is signed with our secret, and not long ago."""
    posted = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not posted[1].isdigit() or abs(time.time() - int(posted[1])) > OLDEST_SECONDS:
        return False
    signed = f"{posted[0]}.{posted[1]}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one, wanted) for one in given)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_ours(self.headers, body):
            return self.answer(401)
        event = json.loads(body)
        # An event may come twice, under the same id: what was done is not done again.
        if event["id"] not in seen:
            print(event["id"], event["type"], event["source"], event.get("subject", ""), flush=True)
            seen.add(event["id"])
        # Only when it is dealt with: a post that is not answered with 2xx comes again.
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000), Receiver)
    print(f"ready {server.server_port}", flush=True)
    server.serve_forever()
