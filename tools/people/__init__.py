"""Operations about people: signing up, their API keys, and the plans of their accounts."""
