"""Architecture search with KerasTuner over a domain's hyperparameters."""
