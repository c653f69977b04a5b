"""Parts of a causal graph that the engine knows, each found from one of its nodes."""
