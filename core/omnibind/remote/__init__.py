"""What remote bindings share: requests, polling, downloads, errors, keys and jobs."""
