"""Extract, count, draw and lint the prose of the repository (`make prose`, `make lint`)."""
