"""Clients of every kind, well-behaved and hostile, for a service that runs while it is disturbed.

`scenario` brings it all together: a service with and without TLS, nginx and haproxy before it, processes that send
kinds of traffic, a probe, new versions of models and signals. What was answered otherwise than it should be comes out
as sentences that say which traffic, what and when.
"""
