"""The input of people, read and checked: a board's parameters, a view of its table, a submission."""
