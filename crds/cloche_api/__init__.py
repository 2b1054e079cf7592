"""The custom resources of Cloche: the one place where a field of a resource is defined."""
