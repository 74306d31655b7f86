"""The commands on the search store, which is made from the record."""
