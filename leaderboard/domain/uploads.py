"""How large the parts of an upload may be: known to the web process before Django is there."""

MOST_PART_BYTES = 4 * 2**20
"""Of one request with a part of a file."""
PART_BYTES = 2**20
"""What our own clients send at once: over 10 kB/s it arrives in the time that a request has."""
MOST_FORM_BYTES = 4 * 2**20
"""Of a file that is sent as a whole, by a form without JavaScript."""
MOST_MEASUREMENT_BYTES = 20 * 2**20
"""Of a request with a record and its trace."""
ROOM_FOR_FIELDS = 64 * 1024
"""What the other fields of that form, and the borders between them, may take."""
