"""What the site says of itself to whoever runs it: log lines, and spans for a collector."""
