"""Flip bytes of each kind of file that is read, and count what comes of it: `python -m tools.fuzz`.

Every case is read in a process of its own, with a limit of time and of memory. `docs/fuzz.md` is made by it.
"""
