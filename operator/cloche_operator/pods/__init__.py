"""The life of one Pod: start, attach, claim, log."""
