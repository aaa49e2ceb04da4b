"""Kill everything of a run at random moments, start it again, and compare its files with those of a run never killed.

`python -m tools.kills` writes docs/kills.md. `processes` finds and kills what belongs to a run, `moments` draws when,
`tasks` says what is run, `campaign` kills until a run ends, `compare` looks at the files.
"""
