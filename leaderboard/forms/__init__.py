"""What a person may ask or send, read and checked: a board's parameters, a view of its table, a submission."""
