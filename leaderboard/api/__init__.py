"""The API under /api/v1/: parameters read strictly, resources and rows as JSON, downloads."""
