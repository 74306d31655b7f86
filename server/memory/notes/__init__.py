"""The rules of working memory, the skip list and identity crystals."""
