"""What time does to memories: relevance decays, and deleted memories are erased."""
