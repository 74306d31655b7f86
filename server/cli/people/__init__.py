"""The commands on people: users, accounts with several members, shared workspaces, keys, usage and the audit."""
