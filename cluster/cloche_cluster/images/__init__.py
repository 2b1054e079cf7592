"""Cloche's images: the list, their contents, and the two engines that build them."""
