"""Metering and benchmarking of a model's whole life; usable alone, without Django or Celery."""

__version__ = "0.1.0"
