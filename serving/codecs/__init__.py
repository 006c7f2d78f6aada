"""Requests to arrays, and arrays to answers. Every doubt about a request ends in a ServiceError, never in a guess."""
