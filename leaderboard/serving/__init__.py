"""What serves the site: the web process, and the checks of the settings that it starts with."""
