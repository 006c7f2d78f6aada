"""Small real data sets that come with the suite, each with its licence; `make` makes them from their originals."""
