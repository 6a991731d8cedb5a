"""Commands of manage.py, and what they need: the services of one machine, the example recipes."""
