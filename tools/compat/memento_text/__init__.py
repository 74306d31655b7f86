"""The answers in words, for Memento's clients, which show them, and for Memento's tools, which answer with them.

One module for each subject; `table.py` has the table by operation. Memento's own sentences stay as its clients know and
parse them; the operations that Memento does not have get a sentence of the same kind.
"""
