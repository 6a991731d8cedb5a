"""Power over time: our traces and other tools' power logs, read and integrated to joules. No torch here."""
