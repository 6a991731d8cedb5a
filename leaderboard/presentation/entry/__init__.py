"""The details of an entry, a module for each thing that its page says."""
