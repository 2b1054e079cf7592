"""What the programs of Cloche share: the custom resources, their limits and names."""
