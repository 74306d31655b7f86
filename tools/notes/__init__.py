"""Operations on what an agent notes beside its memories: working memory, the skip list and the identity crystal."""
