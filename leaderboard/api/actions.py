"""POST requests that act on what is there already, such as a re-run: all that they may be given are options."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request

from leaderboard.api.base import ApiView
from leaderboard.api.errors import Faults
from leaderboard.api.parameters import check_names
from leaderboard.api.parsers import JSONDocumentParser, check_length
from leaderboard.api.submitted import take_options


class ActionView(ApiView):
    """Takes the options in `parameters`, in the query string or the body, and refuses whatever else a body holds."""

    parser_classes = (JSONDocumentParser, FormParser, MultiPartParser)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the options, once it is known that the request is allowed."""
        check_length(request)
        super().initial(request, *args, **kwargs)
        self.given = self._read_given(request)

    def _read_given(self, request: Request) -> dict[str, Any]:
        given = request.data
        if isinstance(given, QueryDict):
            check_names(given, self.parameters)
            given = given.dict()
        options: dict[str, Any] = request.query_params.dict()
        allowed = f"one of {', '.join(sorted(self.parameters))}" if self.parameters else "this address takes none"
        if errors := take_options(dict(given), options, self.parameters, f"a field; {allowed}"):
            raise Faults(errors)
        return options
