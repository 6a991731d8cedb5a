"""The database itself: its clock, and whether it is away."""
