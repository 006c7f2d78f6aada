"""The built-in domains; none knows of another."""
