"""The points of the search store: made from rows of the record, and written."""
