"""Meters any program, in phases that it marks itself."""
