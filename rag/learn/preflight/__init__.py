"""Whether a consumer takes an export as it is meant: asked of the consumer itself."""
