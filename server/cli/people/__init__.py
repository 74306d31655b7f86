"""The commands for accounts with several members, and for the workspaces that are shared."""
