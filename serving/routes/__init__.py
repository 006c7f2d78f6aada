"""The routes: HTTP only, the work is elsewhere."""
