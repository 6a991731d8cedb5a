"""Reference data: tracks, hardware, the recipe's schema, carbon, prices; and the OpenAPI document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries
from leaderboard.api.base import PublicView
from leaderboard.api.schemas.reference import (
    CarbonIntensitiesSerializer,
    ElectricityPricesSerializer,
    HardwareSerializer,
    TrackSerializer,
)
from leaderboard.domain import carbon, cost
from measurement.recipe import recipe_json_schema
from measurement.tracks import TRACKS


class TracksView(PublicView):
    """Datasets with a quality metric and an evaluation protocol each."""

    @extend_schema(operation_id="tracks", tags=["reference"], responses=TrackSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every track."""
        return Response(TrackSerializer(TRACKS.values(), many=True).data)


class HardwareView(PublicView):
    """The hardware that a submission may name."""

    @extend_schema(operation_id="hardware", tags=["reference"], responses=HardwareSerializer(many=True))
    def get(self, request: Request) -> Response:
        """All hardware that workers have registered."""
        return Response(HardwareSerializer(queries.hardware_choices(), many=True).data)


class RecipeSchemaView(PublicView):
    """The schema of a recipe."""

    @extend_schema(operation_id="recipe_schema", tags=["reference"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """JSON Schema, schema version 1."""
        return Response(recipe_json_schema())


class CarbonIntensitiesView(PublicView):
    """Carbon of electricity by region."""

    @extend_schema(
        operation_id="carbon_intensities", tags=["reference"], responses={200: CarbonIntensitiesSerializer}
    )
    def get(self, request: Request) -> Response:
        """Grams of CO2-equivalent per kWh, with year and source."""
        regions: list[dict[str, Any]] = [asdict(region) for region in carbon.GRID_REGIONS]
        return Response({"source": carbon.SOURCE, "source_url": carbon.SOURCE_URL, "regions": regions})


class ElectricityPricesView(PublicView):
    """Prices of electricity by region."""

    @extend_schema(
        operation_id="electricity_prices", tags=["reference"], responses={200: ElectricityPricesSerializer}
    )
    def get(self, request: Request) -> Response:
        """Average prices per kWh for businesses, with period and source."""
        return Response({"regions": [asdict(region) for region in cost.PRICE_REGIONS]})


class SchemaView(SpectacularAPIView):
    """The OpenAPI document: YAML, or JSON on `Accept: application/json`."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    content_negotiation_class = DefaultContentNegotiation


class DocsView(SpectacularSwaggerSplitView):
    """The OpenAPI document to read and try. Its script has an address of its own, as the site's CSP requires."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    url_name = "api-schema"

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """The methods; REST framework's own answer needs a template."""
        return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})
