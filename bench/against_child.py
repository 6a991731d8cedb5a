"""`python -m bench.against_child FOLDER PORT`: a folder of files over HTTP, by the libraries that serve our own."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from waitress import serve
from whitenoise import WhiteNoise


def _not_found(_environment: Any, start_response: Any) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"There is no such file."]


if __name__ == "__main__":
    served = WhiteNoise(_not_found, root=sys.argv[1], index_file=True)
    serve(served, host="127.0.0.1", port=int(sys.argv[2]), threads=16)
