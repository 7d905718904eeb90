from __future__ import annotations

import os
import sys

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


class Server(ThreadedWSGIServer):
    request_queue_size = 128
    """Django's own ten are fewer than the callers that race in the tests."""


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1] if len(sys.argv) > 1 else "tests.cap.django_project.settings"
    server = Server(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
