"""Formats that consumers read, one file per family; found by entry point like anyone's."""
