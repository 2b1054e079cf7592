"""Installs Cloche into a cluster that answers: CRDs, chart, API key, first example."""
