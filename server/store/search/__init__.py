"""The search store: one seam, and the engines behind it."""
