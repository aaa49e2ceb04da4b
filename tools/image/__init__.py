"""Check an image of the Dockerfile from inside, as its user, and write what was found as docs/image.md.

    docker run glaciersar python -m tools.image --built-by "Docker 28" > docs/image.md

`checks` lists what is tried, `server` is JupyterLab as a browser sees it, `memory` measures programs.
"""
