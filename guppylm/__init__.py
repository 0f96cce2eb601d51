"""guppylm: a language model that a person can build from scratch and see through."""

__version__ = "0.1.0"
