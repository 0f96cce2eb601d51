"""Sharing on the Hugging Face Hub: the folders that are uploaded, their cards, and the way up and down."""
