"""The database itself: its clock, whether it is away, and tables that only grow."""
