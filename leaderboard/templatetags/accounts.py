"""What pages about accounts say of this site."""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def approves_accounts() -> bool:
    """Whether an administrator approves each new account."""
    return bool(settings.SIGNUP == "approval")
