"""The background work: the table of works, the loop that does them, and the commands' filed runs."""
