"""A character: its text files (schema), what they can say (generate) and what they cannot (split)."""
