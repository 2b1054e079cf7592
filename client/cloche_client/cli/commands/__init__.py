"""The commands of `cloche`, a module for each group."""
