"""How a site's results travel to another site: the folder with its checksums, and what each of its lines holds."""
