"""The parameters of a board: one form that both the page and the API read them with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from leaderboard.domain.board_query import ENERGY_PER_CORRECT, ORDERINGS, LeaderboardQuery
from leaderboard.domain.constraints import BY_PARAMETER
from leaderboard.domain.quality import QUALITY_BY
from leaderboard.domain.running import COMPILED, PRECISIONS, RUNTIMES
from leaderboard.forms.numbers import (
    AccuracyWeightField,
    LimitField,
    NumberField,
    QualityField,
    UsageIntensityField,
)
from leaderboard.models import FAMILIES, SOURCES, Provenance, Scenario, Scope
from measurement.tracks import KEYS_IN_WORDS, find_track


class SeveralChoicesField(forms.MultipleChoiceField):
    """Choices given by repeating the parameter or with commas between them."""

    def to_python(self, value: Any) -> list[str]:
        return [part.strip() for item in super().to_python(value) for part in item.split(",") if part.strip()]


class YesNoInput(forms.CheckboxInput):
    """A checkbox whose field decides what counts as yes."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get(name, "")


class YesNoField(forms.BooleanField):
    """on, true, 1 or yes; off, false, 0, no or nothing. Anything else is an error, not a yes."""

    widget = YesNoInput

    def to_python(self, value: Any) -> bool:
        word = str(value).strip().lower()
        if word in {"on", "true", "1", "yes"}:
            return True
        if word in {"", "off", "false", "0", "no", "none"}:
            return False
        raise forms.ValidationError(f"is {word[:40]!r}, but must be true or false")


def one_of(choices: Iterable[str]) -> dict[str, str]:
    """The message of a choice that isn't one of `choices`."""
    return {"invalid_choice": f"'%(value)s' is not one of {', '.join(choices)}"}


def _several(choices: Mapping[str, str]) -> SeveralChoicesField:
    return SeveralChoicesField(required=False, choices=list(choices.items()), error_messages=one_of(choices))


class TrackField(forms.CharField):
    """A track, or one data set of a track that takes anybody's data."""

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and find_track(value) is None:
            raise forms.ValidationError(f"{value[:60]!r} is not one of {', '.join(KEYS_IN_WORDS)}")


class LeaderboardForm(forms.Form):
    """Validates the parameters of a board. `query()` after `is_valid()`."""

    track = TrackField(required=False)
    hardware = forms.SlugField(required=False, max_length=100)
    scenario = forms.ChoiceField(required=False, choices=Scenario.choices, error_messages=one_of(Scenario.values))
    scope = forms.ChoiceField(required=False, choices=Scope.choices, error_messages=one_of(Scope.values))
    usage_intensity = UsageIntensityField()
    shared_by = NumberField("a number from 1 to 1e9", least=1, most=1e9)
    min_quality = QualityField()
    family = _several(FAMILIES)
    provenance = _several(dict(Provenance.choices))
    quality_by = _several(QUALITY_BY)
    precision = _several(PRECISIONS)
    runtime = _several(RUNTIMES)
    compiled = _several(COMPILED)
    search = forms.CharField(required=False, max_length=100)
    order_by = forms.ChoiceField(
        required=False,
        choices=[*ORDERINGS.items(), (ENERGY_PER_CORRECT, ENERGY_PER_CORRECT)],
        error_messages=one_of(ORDERINGS),
    )
    accuracy_weight = AccuracyWeightField()
    include_incomplete = YesNoField(required=False)
    source = forms.ChoiceField(required=False, choices=list(SOURCES.items()), error_messages=one_of(SOURCES))
    max_latency_p50_ms = LimitField(BY_PARAMETER["max_latency_p50_ms"])
    max_parameters = LimitField(BY_PARAMETER["max_parameters"])
    max_macs = LimitField(BY_PARAMETER["max_macs"])
    max_peak_memory_bytes = LimitField(BY_PARAMETER["max_peak_memory_bytes"])
    min_batch_size = LimitField(BY_PARAMETER["min_batch_size"])
    max_batch_size = LimitField(BY_PARAMETER["max_batch_size"])

    def clean(self) -> dict[str, Any]:
        """energy_per_correct is greenness with a weight of 1, and can't have another. Limits leave something."""
        data = self.cleaned_data
        least, most = data.get("min_batch_size"), data.get("max_batch_size")
        if least is not None and most is not None and least > most:
            self.add_error("max_batch_size", f"is {most:.15g}, but must be at least min_batch_size, {least:.15g}")
        if data.get("order_by") == ENERGY_PER_CORRECT:
            if data.get("accuracy_weight") not in (None, 1):
                message = f"must be 1, or left out, with order_by={ENERGY_PER_CORRECT}; give order_by=greenness"
                self.add_error("accuracy_weight", message)
            data |= {"order_by": "greenness", "accuracy_weight": 1.0}
        return data

    def query(self) -> LeaderboardQuery:
        """The query, with defaults for what was not given."""
        data = self.cleaned_data
        default = LeaderboardQuery()
        accuracy_weight = data.get("accuracy_weight")
        return LeaderboardQuery(
            track=data.get("track") or "",
            hardware=data.get("hardware") or "",
            scenario=data.get("scenario") or "",
            scope=data.get("scope") or "",
            usage_intensity=data.get("usage_intensity") or default.usage_intensity,
            shared_by=data.get("shared_by") or default.shared_by,
            min_quality=data.get("min_quality"),
            families=tuple(data.get("family") or ()),
            provenance=tuple(data.get("provenance") or ()),
            quality_by=tuple(data.get("quality_by") or ()),
            precision=tuple(data.get("precision") or ()),
            runtime=tuple(data.get("runtime") or ()),
            compiled=tuple(data.get("compiled") or ()),
            search=(data.get("search") or "").strip(),
            order_by=data.get("order_by") or default.order_by,
            accuracy_weight=default.accuracy_weight if accuracy_weight is None else accuracy_weight,
            include_incomplete=bool(data.get("include_incomplete")),
            source=data.get("source") or "",
            **{name: data.get(name) for name in BY_PARAMETER},
        )


def unknown_parameters(given: Mapping[str, Any], also_known: frozenset[str] = frozenset()) -> list[str]:
    """Names in `given` that are not parameters of a board."""
    return sorted(set(given) - set(LeaderboardForm.base_fields) - also_known)
