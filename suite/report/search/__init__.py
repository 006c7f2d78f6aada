"""The part of a report that shows an architecture search."""
