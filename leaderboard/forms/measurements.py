"""One's own measurement as two files."""

from __future__ import annotations

from django import forms


class MeasurementForm(forms.Form):
    """What the meter wrote. The service checks what is in it; what is wrong is said next to its file."""

    record = forms.FileField(
        label="Record",
        help_text="record.json, at most 2 MiB.",
        widget=forms.FileInput(attrs={"accept": ".json"}),
        error_messages={"required": "Is required: a file.", "empty": "Has no bytes; choose another."},
    )
    trace = forms.FileField(
        label="Trace",
        help_text="trace.parquet of the same folder, at most 16 MiB.",
        widget=forms.FileInput(attrs={"accept": ".parquet"}),
        error_messages={"required": "Is required: a file.", "empty": "Has no bytes; choose another."},
    )

    def refuse(self, field: str, message: str) -> None:
        """Show it next to its file, or above both."""
        self.add_error(field if field in self.fields else None, message[:1].upper() + message[1:] + ".")
