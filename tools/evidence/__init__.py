"""The experiment of `make evidence`: arms × seeds × landscapes on simulated radar, in parts with their own tables.

`config/evidence.yaml` is the plan; `evidence.smk` says what is made from what, so that a run that was killed goes on.
`data` simulates and builds, `score` trains and scores one arm with one seed, `tables` draws them together.
"""
