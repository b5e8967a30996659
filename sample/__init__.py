"""The sample domain, written for Ratchet: the service organisation of an invented pump maker.

`python -m sample` writes `rag/packs/pumps`, byte for byte the same each time. A fact stands once:
in `facts` or in the sentence of a document, from which the evaluation questions take it too.
"""
