"""The custom resources as models. Every field of a resource is defined here."""
