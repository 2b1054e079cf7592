"""The command line `cloche`."""
