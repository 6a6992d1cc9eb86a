"""Where a binding runs."""
