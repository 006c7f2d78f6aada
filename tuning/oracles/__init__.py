"""What chooses the next network to try: KerasTuner's oracles and more of the kind, one a file."""
