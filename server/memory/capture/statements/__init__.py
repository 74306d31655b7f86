"""The words of a person that are worth keeping: the sentences of a message, and what each of them is."""
