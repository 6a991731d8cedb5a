"""Names a page's styles before the page itself: a browser asks for them when it has the headers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static

View = Callable[[HttpRequest], HttpResponse]


def preloads(*styles: str) -> Callable[[View], View]:
    """Give the view's pages a Link header that has the static files `styles` fetched at once."""

    def decorated(view: View) -> View:
        @wraps(view)
        def with_link(request: HttpRequest) -> HttpResponse:
            response = view(request)
            if response.status_code == 200:
                response.headers["Link"] = ", ".join(f"<{static(name)}>; rel=preload; as=style" for name in styles)
            return response

        return with_link

    return decorated
