"""From the record to the search store: which points a workspace has, and keeping them current."""
