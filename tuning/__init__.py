"""KerasTuner chooses a domain's network."""
