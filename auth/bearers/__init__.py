"""The bearers of requests: API keys and access tokens, the guard that demands one, and the words of a refusal."""
