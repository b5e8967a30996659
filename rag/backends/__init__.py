"""One file per third-party engine: each turns a library into one of the protocols."""
