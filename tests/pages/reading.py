"""Reads pages as a person does: the table's lines and the text, without markup."""

from __future__ import annotations

import html
import re
from typing import Any

from django.http import HttpResponse

TAG = re.compile(r"<[^>]+>")
SLOT = re.compile(r'data-slot="(\w+)"[^>]*>(.*?)</(?:td|a|span|strong)>', re.DOTALL)


def text(response: HttpResponse) -> str:
    """The page's words with single spaces."""
    return " ".join(html.unescape(TAG.sub("", response.content.decode())).split())


def rows(response: HttpResponse) -> list[dict[str, Any]]:
    """The lines of the ranked table: the entry's number and the text of each slot."""
    page = response.content.decode()
    body = page.partition('id="rows"')[2].partition("</tbody>")[0]
    found = []
    for line in body.split("<tr ")[1:]:
        slots = {name: html.unescape(TAG.sub("", value)).strip() for name, value in SLOT.findall(line)}
        found.append({"entry": int(re.search(r'data-entry="(\d+)"', line)[1]), **slots})  # type: ignore[index]
    return found
