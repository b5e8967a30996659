"""Ratchet: a domain RAG application framework. Importing it does nothing."""

__version__ = "0.1.0"
