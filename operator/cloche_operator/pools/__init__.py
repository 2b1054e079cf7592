"""Pods that are started ahead, and which Pod starts next."""
