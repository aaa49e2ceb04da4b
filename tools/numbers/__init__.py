"""Numbers in prose come from committed tables: fill them, and find those that were typed by hand.

    python -m tools.numbers          # fills README.md and docs/; `make publish` does it too
    python -m tools.numbers --check  # lists what is out of date or typed by hand, and changes nothing

`markers` fills numbers in a sentence, `blocks` whole tables; `sources` reads the tables that they come from. `scan`
looks for numbers without a marker. `commands` lists which command makes each table and figure.
"""
