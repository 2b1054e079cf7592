"""The attacks. This is a package, so that a fixture can have package scope."""
