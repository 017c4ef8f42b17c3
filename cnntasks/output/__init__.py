"""Output: records as a table, JSON Lines or CSV, one writer per file."""
