"""Text -> tokens: a readable byte-level BPE (reference), and the library that does it fast (fast)."""
