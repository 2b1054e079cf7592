"""This machine: its facts, processes, programs, Debian packages, files and locks."""
