"""Cloche's images: which there are, what they are made of, and the two ways to build them."""
