"""Everything that can be done to a model in the admin, from its registry, against administration.txt.

Nobody else sees any of it, and whatever is done has its line in the log.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Model
from django.forms import MultiWidget
from django.test import Client, RequestFactory
from django.urls import reverse

from leaderboard import models, services
from leaderboard.adminsite import Logged
from measurement.vocabulary import Flag
from tests.factories import ReferenceFactory, UserFactory, WorkerFactory
from tests.records import make_recipe
from tests.services.verifying import verify
from tests.site.walking import every_address

pytestmark = pytest.mark.django_db

STANDARD = ("changelist", "add", "history", "delete", "change", "rest")
REGISTERED = {str(model._meta.model_name): model for model in site._registry}
PASSWORD = "a-long-password-2"
# What a form needs to add an object, and which field of one is changed to what.
ADDED: dict[str, Callable[[], dict[str, Any]]] = {
    "method": lambda: {"title": "Another", "family": "compact", "authors": "Ann\nBob"},
    "user": lambda: {"username": "dora", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"},
    "notice": lambda: {"text": "Down from 12 to 13 UTC"},
    "group": lambda: {"name": "helpers"},
    "emailaddress": lambda: {"user": User.objects.get(username="bob").pk, "email": "bob@example.net"},
}
CHANGED = {
    "method": ("title", "Corrected"),
    "user": ("first_name", "Ann"),
    "notice": ("text", "Down from 12 to 14 UTC"),
    "group": ("name", "aides"),
    "emailaddress": ("email", "b@example.org"),
}
PAGES = {"user_password_change": {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}}


def told() -> dict[str, tuple[dict[str, bool], dict[str, str]]]:
    """By model: whether objects can be added, changed and deleted; and each action or page with its act."""
    lines = Path(__file__).with_name("administration.txt").read_text("utf-8").splitlines()
    rows = {}
    for model, add, change, delete, *acts in (line.split() for line in lines if line and not line.startswith("#")):
        may = {"add": add == "add", "change": change == "change", "delete": delete == "delete"}
        rows[model] = (may, dict(act.split(":") for act in acts))
    return rows


@pytest.fixture
def objects(hardware: Any, alice: Any, bob: Any, administrator: Any) -> dict[str, Model]:
    """One of each model; `run.cancel` is the one for that action on runs."""
    reported = {"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"}  # so that it may be sampled
    counted, _ = verify(make_recipe(reported=reported), hardware, submitter=alice)
    held, _ = verify(make_recipe(seed=2), hardware, submitter=alice, flags=(Flag.THROTTLED,))
    waiting, _ = services.submit(make_recipe(epochs=2), hardware=hardware, submitter=alice)
    services.submit(make_recipe("Bob's"), hardware=hardware, submitter=bob)
    models.ApiToken.objects.create(bob)
    Authenticator.objects.create(user=bob, type="totp", data={"secret": "x"})
    EmailAddress.objects.create(user=bob, email="bob@example.org")
    Group.objects.create(name="nobody")
    models.Notice.objects.create(text="Down soon")
    models.Method.objects.create(title="Of no recipe", family="compact")
    ReferenceFactory(worker=WorkerFactory(hardware=hardware))
    services.add_webhook(alice, "https://example.org/hook", ["failed"])
    models.Delivery.objects.update(state="failed")
    found: dict[str, Model] = {
        name: model._default_manager.order_by("pk").last() for name, model in REGISTERED.items()
    }
    banned = UserFactory(username="zoe")
    services.ban(banned, by=administrator, reason="spam")
    others = {"run.cancel": waiting.runs.get(), "run.release": held, "user": bob, "user.lift_ban": banned}
    newcomer = UserFactory(username="yan")
    services.wait_for_approval(newcomer)
    others["user.approve"] = newcomer
    others |= {"run.move_to_front": others["run.cancel"]}
    idle = services.register_hardware("An idle card", "cuda")
    for name, resumed in (("hardware", idle), ("worker", WorkerFactory(hardware=idle))):
        services.pause(resumed, by=administrator, reason="repair")
        others[f"{name}.resume"] = resumed
    others["worker.put_back"] = WorkerFactory(hardware=idle, drifted_for="12 % slower")
    return found | {"run": counted} | others


@pytest.fixture
def office(administrator: User) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


def test_every_model_action_and_page_is_told(administrator: User) -> None:
    request = RequestFactory().get("/admin/")
    request.user = administrator
    extra = {name: set(told()[name][1]) for name in told()}
    found = {}
    for name, model in REGISTERED.items():
        assert issubclass(type(site._registry[model]), Logged), name
        before = f"admin:{model._meta.app_label}_"
        names = {address.name.removeprefix(before) for address in _addresses(model)}
        pages = {page for page in names if page.removeprefix(f"{name}_") not in STANDARD and page != "admin:rest"}
        found[name] = set(site._registry[model].get_actions(request)) | pages
    assert found == extra


def _addresses(model: type[Model]) -> list[Any]:
    before = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    return [address for address in every_address() if address.route.startswith(before)]


def test_nobody_else_sees_any_of_it(client: Client, objects: dict[str, Model], alice: User) -> None:
    for person in (None, alice):
        if person is not None:
            client.force_login(person)
        for name, model in REGISTERED.items():
            for address in _addresses(model):
                pk = objects[name].pk
                answer = client.post(address.path({"object_id": pk, "id": pk}), {"action": "cancel"})
                assert (answer.status_code, "/login/" in answer["Location"]) == (302, True), address
    assert models.LogLine.objects.exclude(action__in=["submit", "hold", "ban", "pause"]).count() == 0


def test_whatever_is_done_is_in_the_log(office: Client, objects: dict[str, Model]) -> None:
    for name, (may, acts) in told().items():
        address = f"admin:{REGISTERED[name]._meta.app_label}_{name}"
        own = objects[name]
        listed = reverse(f"{address}_changelist")
        assert office.get(listed).status_code == 200, name
        for act, is_allowed in may.items():
            page = reverse(f"{address}_{act}", args=[] if act == "add" else [own.pk])
            if not is_allowed:
                assert office.post(page, {"post": "yes"}).status_code == 403 or act == "change", (name, act)
                continue
            data = ADDED[name]() if act == "add" else _form(office, page, name) if act == "change" else _sure()
            assert _lines(office, page, data) == {act}, (name, act)
        for act, line in acts.items():
            if act in PAGES:
                page = reverse(f"admin:{REGISTERED[name]._meta.app_label}_{act}", args=[own.pk])
                assert _lines(office, page, PAGES[act]) == {line}, (name, act)
                continue
            on = objects.get(f"{name}.{act}", own)
            data = {"action": act, "_selected_action": [on.pk], "reason": "its fan stood still"}
            assert _lines(office, listed, data | _sure()) >= ({line} - {"-"}), (name, act)


def _sure() -> dict[str, str]:
    return {"post": "yes"}


def _form(office: Client, page: str, name: str) -> dict[str, Any]:
    """A change form as it is shown, with one field changed."""
    form = office.get(page).context["adminform"].form
    data: dict[str, Any] = {}
    for field in form:
        value, widget = field.value(), field.field.widget
        if isinstance(widget, MultiWidget):
            data |= {f"{field.name}_{i}": str(part) for i, part in enumerate(widget.decompress(value)) if part}
        elif value not in (None, False):
            data[field.name] = [getattr(item, "pk", item) for item in value] if isinstance(value, list) else value
    field, value = CHANGED[name]
    return data | {field: value}


def _lines(office: Client, page: str, data: dict[str, Any]) -> set[str]:
    """The acts of the administrator that the log has after it; then all is rolled back."""
    before, session = models.LogLine.objects.order_by("pk").last(), office.cookies["sessionid"].value
    with transaction.atomic():
        office.post(page, data)
        added = models.LogLine.objects.filter(actor="admin", pk__gt=before.pk if before else 0)
        acts = set(added.values_list("action", flat=True))
        transaction.set_rollback(True)
    office.cookies["sessionid"] = session  # which a new password has changed
    return acts
