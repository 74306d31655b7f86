"""Upstream login: people log in to this server at a provider, such as Google or GitHub."""
