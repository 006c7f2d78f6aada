"""report.html: metrics with intervals, charts, the network, and two models compared."""
