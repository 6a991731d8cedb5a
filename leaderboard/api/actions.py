"""POST requests that act on stored objects, such as a re-run. They take options only."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import QueryDict
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request

from leaderboard.api.base import ApiView
from leaderboard.api.errors import Faults
from leaderboard.api.parameters import check_names
from leaderboard.api.parsers import JSONDocumentParser, check_length
from leaderboard.api.submitted import take_options


class ActionView(ApiView):
    """Takes the options in `parameters`, in the query string or the body, and rejects any other field.

    `fields` are those that only the body may have.
    """

    fields: ClassVar[frozenset[str]] = frozenset()
    parser_classes = (JSONDocumentParser, FormParser, MultiPartParser)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the options, after permissions are checked."""
        check_length(request)
        super().initial(request, *args, **kwargs)
        self.given = self._read_given(request)

    def _read_given(self, request: Request) -> dict[str, Any]:
        given, known = request.data, self.parameters | self.fields
        if isinstance(given, QueryDict):
            check_names(given, known)
            given = given.dict()
        options: dict[str, Any] = request.query_params.dict()
        names = ", ".join(sorted(known))
        allowed = f"use one of {names}" if names else "this address takes no fields"
        if errors := take_options(dict(given), options, known, f"a field; {allowed}"):
            raise Faults(errors)
        return options

    @property
    def reason(self) -> str:
        """What the body gives as the reason; empty without one. Raises Faults if it is no text."""
        given = self.given.get("reason", "")
        if not isinstance(given, str):
            raise Faults([("reason", "must be text")])
        return given
