"""What runs the site for others, and the checks of it; no part of what is installed."""
