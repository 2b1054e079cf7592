"""Install Cloche into a running cluster: CRDs, chart, API key, first example."""
