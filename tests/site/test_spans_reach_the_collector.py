"""With a collector named, a request and the task that it sends have one trace, and tell no address and no value."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from leaderboard.configuration import BASE_DIR
from leaderboard.management.one_machine import embedded_redis
from tests.waiting import wait_until
from tests.worker.real_worker import worker

pytestmark = pytest.mark.slow

# Its mail is sent by a task of the notices' process.
ASK = """
from django.test import Client
reader = Client(HTTP_USER_AGENT="a browser", HTTP_HOST="localhost")
answer = reader.post("/accounts/password/reset/?of=hunter2", {"email": "alice@example.org"})
assert answer.status_code == 302, answer.status_code
"""


@pytest.fixture
def collector():
    """The address of a receiver of OTLP over HTTP, and the spans that it has got."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            spans.extend(span for of in sent.resource_spans for scope in of.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()


def test_without_a_collector_nothing_of_it_is_loaded():
    assert "opentelemetry.sdk.trace" not in sys.modules


def test_a_request_and_its_task_have_one_trace(collector, tmp_path):
    address, spans = collector
    with embedded_redis() as broker:
        variables = {"REDIS_URL": broker, "OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        with worker(tmp_path, **variables) as (_, log):
            wait_until(lambda: "ready" in log(), "the worker", tell=log)
            site = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
            site |= {"DJANGO_SETTINGS_MODULE": "leaderboard.settings", "DATA_ROOT": str(tmp_path), **variables}
            command = [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", ASK]
            subprocess.run(command, cwd=BASE_DIR, env=site, check=True)

            def of(name):
                return [span for span in spans if span.name == name]

            wait_until(lambda: of("run/leaderboard.tasks.deliver"), "the task's span", tell=log)
    (request,) = of("POST accounts/password/reset/")
    (task,) = [span for span in of("run/leaderboard.tasks.deliver") if span.trace_id == request.trace_id]
    queries = [span for span in spans if span.name.startswith(("SELECT ", "INSERT "))]
    assert {span.trace_id for span in queries if span.parent_span_id == request.span_id} == {request.trace_id}
    assert any(span.parent_span_id == task.span_id for span in queries)
    told = "".join(map(str, spans))
    assert [word for word in ("hunter2", "alice@example.org", "a browser") if word in told] == []
