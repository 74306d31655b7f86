"""The embedded engine, in this process or in processes of its own."""
