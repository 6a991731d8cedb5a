"""What an account waits for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Approval(models.Model):
    """That an account waits for an administrator's approval. It is not active until then."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE)
    at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"approval of {self.user}"
