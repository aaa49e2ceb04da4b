"""Scripts that make files of this repository and are not part of the package; run them from its root.

python -m tools.parity FOLDER_OF_FIXTURES        docs/parity.md: differences from the authors' code
python -m tools.five_glaciers FOLDER_OF_DATA     docs/inventories.md: areas and rates of five glaciers
python -m tools.ensembles RUN                    docs/ensembles.md: intervals of several networks that map together
python -m tools.coverage RUN                     figures/evidence/coverage.csv: how often intervals hold the truth
python -m tools.fuzz --cases N --out PAGE        docs/fuzz.md: what comes of spoilt files of each kind
python -m tools.publish PROFILE                  figures/PROFILE and the score table of README.md
"""
