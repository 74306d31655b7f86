"""How a question finds its memories: reading it, judging and ranking candidates, filling the room of an answer."""
