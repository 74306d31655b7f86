"""The MCP door: its requests, its tools, its resources and its prompts."""
