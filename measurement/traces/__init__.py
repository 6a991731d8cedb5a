"""Power over time: our traces and foreign power logs, read and integrated to joules. No torch here."""
