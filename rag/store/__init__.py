"""The ledger, the traces and the blobs: the only SQL. Synchronous; callers hop by thread."""
