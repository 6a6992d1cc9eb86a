"""What folders there are and how they do."""
