"""HTTP routes. They translate between HTTP and the services and decide nothing."""
