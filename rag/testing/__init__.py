"""Contract tests: subclass the one for what you implement, and run pytest."""
