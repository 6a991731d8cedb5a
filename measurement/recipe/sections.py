"""The sections of a recipe that hold no phase: names, data, budget, and what the submitter reports."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from measurement.recipe.parts import Part, PlainText, VisibleText, WebAddress
from measurement.tracks.base import MOST_ACCOUNT_DIGITS
from measurement.tracks.opened import NAME_PATTERN
from measurement.vocabulary import Family


class Method(Part):
    """The submitter's names for the work. They are not part of the recipe's hash."""

    title: Annotated[PlainText, Field(min_length=3, max_length=120)]
    family: Family
    paper: WebAddress | None = Field(None, description="address of the paper, e.g. https://arxiv.org/abs/1905.02244")
    authors: Annotated[tuple[Annotated[PlainText, Field(max_length=100)], ...], Field(max_length=50)] = ()
    summary: Annotated[VisibleText, Field(max_length=1000)] = ""
    published_model: Annotated[PlainText, Field(max_length=120)] | None = Field(
        None, description="published model whose training this recipe repeats: timm's name with its tag"
    )


class Dataset(Part):
    """The data set, on a track for any data: exactly these files, in a folder of the worker or in an upload."""

    name: str = Field(
        pattern=NAME_PATTERN, description="folder below datasets/ in the worker's data root; any name for an upload"
    )
    manifest_sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="what `python -m measurement manifest` prints for the folder or archive",
    )
    archive_sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="of a zip file that you have uploaded, in place of a folder on the worker",
    )
    visibility: Literal["public", "private"] = Field(
        "public",
        description="who sees the results: everybody, or you and administrators; the images are always yours and "
        "theirs alone",
    )
    private_to: int | None = Field(
        None,
        ge=0,
        lt=10**MOST_ACCOUNT_DIGITS,
        description="number of the account that sees private results: written by the site; leave it out",
    )

    @property
    def account(self) -> int | None:
        """The number of the account that alone sees the results, 0 if it is not known yet; None: everybody does."""
        return (self.private_to or 0) if self.visibility == "private" else None


class Budget(Part):
    """The most that a verification may cost, in addition to the worker's own limits."""

    time_s: float | None = Field(None, gt=0, le=30 * 86_400)
    energy_j: float | None = Field(None, gt=0, le=1e15)


class Reported(Part):
    """The submitter's result, for a verification that trains only a sample: a figure with its evidence."""

    quality: float = Field(ge=0, le=1, description="the track's metric on its test split, 0 to 1")
    evidence: WebAddress = Field(description="where the figure can be checked")
    weights_sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="of the finished network's safetensors file; it is then evaluated",
    )
    weights_source: Literal["store", "upload"] = Field(
        "store",
        description="where that file is: in the worker's weights store, or among those that you have uploaded",
    )
