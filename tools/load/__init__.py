"""Measure what happens under load: several regions at a time, several builders of one dataset, a busy server.

`python -m tools.load` writes docs/load.md. `work` is what runs in processes of its own, `server` refuses one request
in three, `measure` starts and measures.
"""
