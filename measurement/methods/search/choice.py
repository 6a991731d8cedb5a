"""How candidates are scored, and when the choice is the submitter's."""

from __future__ import annotations

import math

from measurement.errors import BadInput
from measurement.progress import FullPace
from measurement.recipe import SearchOptions
from measurement.training.context import PhaseContext


def score_of(quality: float, macs: int | None, options: SearchOptions) -> float:
    """quality (0..1) less the options' weight for each tenfold of multiply-accumulates."""
    return quality - options.macs_weight * math.log10(macs or 1) if options.macs_weight else quality


def is_sample(context: PhaseContext) -> bool:
    """Whether candidates are trained for a sample of their steps, so that their scores mean nothing."""
    return not isinstance(context.pace, FullPace)


def check_found(context: PhaseContext, found: object | None) -> None:
    """Raise BadInput for a sample of a search whose choice the submitter does not declare."""
    if found is None and is_sample(context):
        raise BadInput(
            "a sample of a search can't choose; declare the choice of your own run, or use --mode full",
            field=context.field("found"),
        )


def check_resolutions(context: PhaseContext, resolutions: tuple[int, ...]) -> None:
    """Raise BadInput for one of the space's resolutions that the track does not take."""
    track = context.track
    for number, resolution in enumerate(resolutions):
        if not track.min_resolution <= resolution <= track.max_resolution:
            raise BadInput(
                f"track {track.slug} takes {track.min_resolution} to {track.max_resolution} px (got {resolution})",
                field=context.field(f"space.resolutions.{number}"),
            )
