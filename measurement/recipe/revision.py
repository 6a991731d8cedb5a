"""Which recipes a program can read and run: workers report it, so that an older one is given no newer recipe."""

REVISION = 2
"""Raised with each change of the recipe's schema after which the program before could not read a recipe, or would run
it as something else. A test holds the schema against the revision that it was written for.
"""
