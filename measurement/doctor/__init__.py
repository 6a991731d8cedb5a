"""What this machine can measure, what it is made of, and what would give it better meters."""
