"""The doors, REST and MCP, and the layers that every request passes on its way to them."""
