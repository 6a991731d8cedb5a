"""A recipe's phases in order, each inside a meter window: checkpoint, budget, output folder and record."""
