"""What an operator writes into .env reaches every container of the site, but for what the images fix."""

import re

import pytest
import yaml

from tests.docs.reading import DOCS, ROOT, first_names, text_of

TEXT = (ROOT / "compose.yaml").read_text("utf-8")
COMPOSE = yaml.safe_load(TEXT)
OURS = {name: service for name, service in COMPOSE["services"].items() if "full-cycle-energy" in service["image"]}
PAGE = DOCS / "deployment.md"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
IMAGE_ENVIRONMENT = " ".join(re.findall(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE))


def test_the_site_is_four_containers():
    assert set(OURS) == {"migrate", "web", "beat", "worker"}


@pytest.mark.parametrize("name", OURS)
def test_every_setting_of_the_file_reaches_the_container(name):
    assert OURS[name]["env_file"] == [{"path": ".env", "required": False}]


@pytest.mark.parametrize("name", OURS)
def test_what_the_images_rely_on_is_not_for_the_file_to_change(name):
    """A PORT in .env is the one on the host; inside, the health check and the published port know but one."""
    fixed = OURS[name]["environment"]
    image = dict(re.findall(r"\b(DATA_ROOT|HOST|STATIC_ROOT)=(\S+)", IMAGE_ENVIRONMENT))
    assert len(image) == 3
    assert {key: fixed.get(key) for key in image} == image
    assert f"http://127.0.0.1:{fixed.get('PORT')}/healthz" in DOCKERFILE
    assert COMPOSE["services"]["web"]["ports"] == [f"127.0.0.1:${{PORT:-8000}}:{fixed['PORT']}"]


def test_the_page_names_what_has_to_be_set_and_what_can_not_be():
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert required == {"SECRET_KEY", "POSTGRES_PASSWORD"}
    assert required <= first_names(text_of(PAGE))
    fixed = {name for name, value in OURS["web"]["environment"].items() if not re.match(r"\$\{" + name, value)}
    assert all(f"`{name}`" in text_of(PAGE) for name in fixed)
