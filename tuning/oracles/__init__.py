"""Search strategies: KerasTuner's oracles and more of their kind, one in a file."""
