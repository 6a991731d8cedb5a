"""A small site as an earlier version left it: its rows, its migrations, and what its API then answered.

To dump a site of the version that you have, for the tests of the next one, fill a new one and give in its shell:
`from tests.site.earlier_site.dumped import dump; dump(Path("tests/site/earlier_site"), ADDRESSES)`.

The present files are of commit 3f99a5d, the last before uploads, tokens with scopes and outboxes: a network that was
really trained, and records as a worker would write them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.apps import apps as present
from django.core import serializers
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.test import Client

FOLDER = Path(__file__).parent
# `migrate` writes them itself.
_MADE = {"contenttypes.contenttype", "auth.permission"}


def dump(folder: Path, addresses: Iterable[str]) -> None:
    """Write `database.json` and `answers.json`, a line for each row and answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        migrations = [list(row) for row in cursor.fetchall()]
    rows = {"migrations": migrations, "rows": rows_of(present)}
    parts = (f"{json.dumps(name)}: [\n{_lines(map(json.dumps, found))}\n]" for name, found in rows.items())
    (folder / "database.json").write_text(f"{{{', '.join(parts)}}}\n", "utf-8")
    answers = (f"{json.dumps(address)}: {json.dumps(answer_of(address))}" for address in addresses)
    (folder / "answers.json").write_text(f"{{\n{_lines(answers)}\n}}\n", "utf-8")


def answer_of(address: str) -> Any:
    """What the API answers there now."""
    return Client().get(address).json()


def rows_of(apps: Any) -> list[dict[str, Any]]:
    """Every row of the models in `apps`, which may be those of an earlier version."""
    kept = (model for model in apps.get_models() if model._meta.label_lower not in _MADE)
    return [row for model in kept for row in json.loads(serializers.serialize("json", _all(model)))]


def load(rows: list[dict[str, Any]], apps: Any) -> None:
    """Store the rows by the models in `apps`, as they are."""
    with transaction.atomic():
        for row in rows:
            model = apps.get_model(row["model"])
            given = {model._meta.get_field(name): value for name, value in row["fields"].items()}
            columns = {
                field.attname: field.to_python(value) for field, value in given.items() if not field.many_to_many
            }
            model(pk=model._meta.pk.to_python(row["pk"]), **columns).save_base(raw=True, force_insert=True)
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(apps.get_models())):
                cursor.execute(statement)  # PostgreSQL would give numbers that are taken


def _all(model: type[models.Model]) -> models.QuerySet[Any]:
    return model._base_manager.order_by("pk")


def _lines(items: Iterable[str]) -> str:
    return ",\n".join(items)
