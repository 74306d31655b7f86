"""The pages of memories: all of them, one of them, their days, changes of many, and what is proposed."""
