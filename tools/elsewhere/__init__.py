"""The way from scenes to an inventory at places other than Svalbard, with real outlines and real labels."""
