"""The doors: REST, MCP, and what every request passes on its way to them."""
