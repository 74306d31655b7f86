"""Pages for a person who is logged in. They show what the operations know, and have no rule of their own."""
