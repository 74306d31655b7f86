"""What a person says that is worth keeping: the sentences of a message, and what each of them is."""
