"""Layers that training does not change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from timm.models import group_parameters
from torch import nn

from measurement.errors import BadInput
from measurement.training.job import Job


@contextmanager
def frozen(job: Job, active: bool) -> Iterator[None]:
    """Within, the declared layers get no gradients, and their batch normalisation keeps its statistics.

    Layers that the caller had frozen stay frozen. Raises BadInput if the network has no such layers.
    """
    held = _parameters(job) if active else []
    of_frozen = {id(parameter) for parameter in held}
    still = [module for module in job.context.model.modules() if module.training and _all_in(module, of_frozen)]
    for parameter in held:
        parameter.requires_grad_(False)
    for module in still:
        module.training = False
    try:
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)
        for module in still:
            module.training = True


def _parameters(job: Job) -> list[nn.Parameter]:
    """What `freeze` names, without what is frozen already."""
    named = dict(job.context.model.named_parameters())
    classifier = _classifier(job)
    names = _first_stages(job, classifier) if job.options.freeze and job.options.freeze.stages else set(named)
    held = [named[name] for name in sorted(names - classifier) if named[name].requires_grad]
    if len(held) == sum(parameter.requires_grad for parameter in named.values()):
        raise BadInput("leaves nothing to train; use fewer stages", field=job.field("freeze"))
    return held


def _classifier(job: Job) -> set[str]:
    """Names of the classifier's parameters."""
    try:
        found = job.context.model.get_classifier()  # type: ignore[operator]  # every timm model has it
    except AttributeError:
        raise BadInput(
            "timm knows no classifier of this network; leave freeze out", field=job.field("freeze")
        ) from None
    heads = found if isinstance(found, tuple) else (found,)
    of_heads = {id(parameter) for head in heads for parameter in head.parameters()}
    return {name for name, parameter in job.context.model.named_parameters() if id(parameter) in of_heads}


def _first_stages(job: Job, classifier: set[str]) -> set[str]:
    """Names of the parameters in the stages nearest to the input, as timm groups them for each architecture."""
    model, freeze = job.context.model, job.options.freeze
    try:
        groups = group_parameters(model, model.group_matcher(coarse=True))  # type: ignore[operator]  # timm's
    except Exception as error:
        # 1,300 architectures with a grouping of their own: any exception means that there is none.
        raise BadInput(
            f"timm can't split this architecture into stages ({type(error).__name__}); "
            "leave stages out to train the classifier alone",
            field=job.field("freeze.stages"),
        ) from error
    stages = [names for _, names in sorted(groups.items()) if not classifier.intersection(names)]
    wanted = freeze.stages if freeze and freeze.stages else len(stages)
    if wanted > len(stages):
        raise BadInput(
            f"this architecture has {len(stages)} stages; use at most that many", field=job.field("freeze.stages")
        )
    return {name for names in stages[:wanted] for name in names}


def _all_in(module: nn.Module, parameters: set[int]) -> bool:
    own = [id(parameter) for parameter in module.parameters(recurse=False)]
    return bool(own) and parameters.issuperset(own)
