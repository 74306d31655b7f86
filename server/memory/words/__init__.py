"""Words: from a text in any script to the terms by which it is found."""
