"""How the starter model for pictures is trained: one module a part, in the order of their work."""
