# An image for Binder and for anyone with Docker: JupyterLab with the notebooks ready to run on a CPU.
#   docker build --tag glaciersar . && docker run --publish 8888:8888 glaciersar
FROM debian:bookworm-slim

ARG NB_USER=jovyan
ARG NB_UID=1000
# The wheel index of PyTorch's CPU builds keeps the image small: --build-arg PIP_EXTRA_INDEX_URL=… and
# --build-arg TORCH=torch==2.13.0+cpu. Without them the pinned version comes with its CUDA libraries, which also works.
ARG PIP_EXTRA_INDEX_URL=
ARG TORCH=torch==2.13.0

ENV USER=${NB_USER} HOME=/home/${NB_USER} DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git make python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid ${NB_UID} --shell /bin/bash ${NB_USER}

USER ${NB_USER}
WORKDIR ${HOME}
ENV PATH=${HOME}/.venv/bin:${PATH}

# The environment first: it changes less often than the code.
COPY --chown=${NB_UID} requirements.lock .
RUN python3 -m venv .venv \
 && python -m pip install --no-cache-dir "${TORCH}" \
 && grep -v '^torch==' requirements.lock > /tmp/rest.lock \
 && python -m pip install --no-cache-dir --requirement /tmp/rest.lock

COPY --chown=${NB_UID} . ${HOME}
RUN python -m pip install --no-cache-dir --no-deps --editable . \
 && touch .venv/made

EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--notebook-dir=."]
