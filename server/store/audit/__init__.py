"""The audit: who called which operation when, written as chains that show whether somebody changed them."""
