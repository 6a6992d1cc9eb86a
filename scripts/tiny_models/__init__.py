"""Real models of a few hundred kilobytes with random weights, one module an engine."""
