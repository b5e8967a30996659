"""From a question to hits: expand, search, fuse, re-check, rerank, widen."""
