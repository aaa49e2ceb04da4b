"""What makes the repository and is no part of the package: the parity table, the five glaciers, publishing."""
