"""The custom resources of Cloche. Every field of a resource is defined here."""
