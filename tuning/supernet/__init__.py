"""Search by shared weights: one network that holds all networks of a space."""
