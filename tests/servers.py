"""Servers on the loopback address that fail as real ones do."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def tracking_server(answers: int) -> Iterator[str]:
    """The address of a MLflow server that answers so many requests and then breaks off every
    connection."""
    left = [answers]
    info = {
        "run_id": "r",
        "run_uuid": "r",
        "experiment_id": "1",
        "status": "RUNNING",
        "artifact_uri": "mlflow-artifacts:/r",
    }
    replies = {
        "experiments/create": {"experiment_id": "1"},
        "runs/create": {"run": {"info": info, "data": {}}},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if left[0] == 0:
                self.connection.close()
                return
            left[0] -= 1
            body = json.dumps(replies.get(self.path.partition("/mlflow/")[2], {})).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            thread.join()
