"""Cloche's images: their list, their tags, the engines that build them, and their SBOMs."""
