"""Carries notices out of the site: by mail, and to webhooks."""
