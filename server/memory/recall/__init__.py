"""The rules of a recall: reading a question, judging and ranking candidates, filling the room of an answer."""
