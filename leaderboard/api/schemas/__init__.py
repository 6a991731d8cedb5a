"""The schemas of requests and answers, as serializers, from which the OpenAPI document is made."""
