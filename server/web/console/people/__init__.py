"""The pages of people: accounts and their members, invitations, shared workspaces, keys."""
