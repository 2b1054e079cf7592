"""The attacks: a package, so that a fixture can last as long as all of them."""
