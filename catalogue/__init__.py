"""Published figures of others, each with its source: the data, its check and the results that follow from it."""

from catalogue.check import load
from catalogue.faults import CatalogueError, Fault, Place
from catalogue.publish import published_results
from catalogue.reading import Catalogue, source_addresses
from catalogue.recipe import Draft, recipe_of
from catalogue.results import PublishedPhase, PublishedResult
from catalogue.settings import Source

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Draft",
    "Fault",
    "Place",
    "PublishedPhase",
    "PublishedResult",
    "Source",
    "load",
    "published_results",
    "recipe_of",
    "source_addresses",
]
