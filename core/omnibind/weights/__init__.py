"""Which model files exist, where they come from, fetching and checking them."""
