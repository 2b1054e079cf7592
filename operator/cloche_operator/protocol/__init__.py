"""What the operator sends into a Pod and hears from its supervisor. Pure."""
