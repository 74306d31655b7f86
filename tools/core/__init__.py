"""The core that every subject uses: the operation row, the one way to run it, and shared types."""
