"""The work that time brings: relevance decays, and deleted memories are erased."""
