"""The form that submits a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile

from leaderboard import queries
from leaderboard.models import Hardware
from measurement.documents import MAX_DOCUMENT_BYTES, DocumentError, Fault, with_lines
from measurement.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    _ModelChoiceField = forms.ModelChoiceField[Hardware]
else:  # which takes no type arguments when it runs
    _ModelChoiceField = forms.ModelChoiceField


class HardwareChoiceField(_ModelChoiceField):
    """Hardware, each with whether it has a live worker."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({'worker ready' if obj.live_workers else 'no live worker: the run will wait'})"


class SubmissionForm(forms.Form):
    """A recipe, typed or uploaded, and the hardware to verify it on.

    After `is_valid()`, `recipe` holds the parsed recipe; otherwise `faults` lists what is wrong with it, field by
    field of the recipe, and `field_faults` what else is wrong (the hardware shows its own). An upload replaces
    the text, and its content is then shown for correction.
    """

    document = forms.CharField(required=False, strip=False, widget=forms.Textarea, label="Recipe")
    upload = forms.FileField(
        required=False,
        label="Or a file",
        help_text="YAML or JSON, at most 64 KiB.",
        error_messages={"empty": "is an empty file; choose one with a recipe, or none to submit the text"},
    )
    hardware = HardwareChoiceField(queryset=Hardware.objects.none(), empty_label=None)
    mode = forms.ChoiceField(
        required=False,
        error_messages={"invalid_choice": "is %(value)s, but must be full or sampled"},
        choices=[
            ("full", "full: every phase is run and metered"),
            ("sampled", "sampled: half a minute of each long phase is metered and scaled up"),
        ],
    )

    version_of = forms.UUIDField(
        required=False,
        widget=forms.HiddenInput,
        error_messages={"invalid": "is no submission; start a new version from a submission's page"},
    )

    recipe: Recipe | None = None
    typed: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.faults: list[Fault] = []
        self.field_faults: list[Fault] = []
        self.hardware_field.queryset = queries.hardware_choices()

    @property
    def hardware_field(self) -> HardwareChoiceField:
        """The field `hardware`; what there is to choose from is its `queryset`."""
        return cast(HardwareChoiceField, self.fields["hardware"])

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        upload: UploadedFile[bytes] | None = data.get("upload")
        self.field_faults = self._field_faults()
        self.faults.extend(self.field_faults)
        if "upload" in self.errors or "document" in self.errors:
            return data
        try:
            self.recipe = read_recipe(self._text(upload, data.get("document") or ""))
        except DocumentError as error:
            self.faults.extend(with_lines(self.shown_document(), error.faults))
            self.add_error("upload" if upload else "document", "This recipe has errors; see the list.")
        return data

    def _text(self, upload: UploadedFile[bytes] | None, document: str) -> str | bytes:
        if upload is None:
            if not document.strip():
                raise DocumentError([Fault("", "is empty; write a recipe or choose a file")])
            return document
        text = upload.read(MAX_DOCUMENT_BYTES + 1)
        if upload.size is not None and upload.size > MAX_DOCUMENT_BYTES:
            raise DocumentError(
                [
                    Fault(
                        "",
                        f"{upload.name} has {upload.size:,} bytes; a recipe may have at most {MAX_DOCUMENT_BYTES:,}",
                    )
                ]
            )
        self.typed = text.decode("utf-8", "replace")
        return bytes(text)

    def _field_faults(self) -> list[Fault]:
        return [
            Fault("" if name == "document" else name, str(message))
            for name in ("document", "upload", "mode", "version_of")
            for message in self.errors.get(name, ())
        ]

    def clean_mode(self) -> str:
        """`full` unless another was chosen."""
        return self.cleaned_data["mode"] or "full"

    def shown_document(self) -> str:
        """The content of the textarea when the form is shown again."""
        if self.typed is not None:
            return self.typed
        return str(self["document"].value() or "")

    def refuse(self, field: str, message: str) -> None:
        """Show a service's error in the form."""
        self.faults += with_lines(self.shown_document(), [Fault(field, message)])
        self.add_error("hardware" if field == "hardware" else "document", message)
