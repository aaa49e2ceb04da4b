# An image for Binder and for anyone with Docker: JupyterLab with the notebooks ready to run on a CPU.
#   docker build --tag glaciersar . && docker run --publish 8888:8888 glaciersar
# and with PyTorch's build for CUDA, for a machine with an NVIDIA GPU:
#   docker build --tag glaciersar:gpu --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
FROM debian:bookworm-slim AS environment

# PyTorch's own index of CPU builds. Binder passes no argument but the user's name and number, and the build on PyPI brings gigabytes of CUDA libraries.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG NB_USER=jovyan

RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv

# The environment is made where it will be used, as its programs name their Python by its full path.
WORKDIR /home/${NB_USER}
COPY requirements-image.lock requirements-torch.txt ./
RUN python3 -m venv .venv \
 && .venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --requirement requirements-image.lock \
 && .venv/bin/python -m pip install --no-cache-dir --no-compile --index-url "${TORCH_INDEX}" --requirement requirements-torch.txt \
 && .venv/bin/python -m pip check \
 # what runs no notebook: test suites of libraries (of torch also as programs), headers for compiling against it
 && find .venv -type d '(' -name test -o -name tests ')' -path '*/site-packages/*' -prune -exec rm -r {} + \
 && find .venv/lib/python3*/site-packages/torch/bin -type f ! -name torch_shm_manager -delete \
 && rm -r .venv/lib/python3*/site-packages/torch/include

FROM debian:bookworm-slim

ARG NB_USER=jovyan
ARG NB_UID=1000
ENV USER=${NB_USER} HOME=/home/${NB_USER} SHELL=/bin/bash
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates make python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid ${NB_UID} --shell /bin/bash ${NB_USER} \
 # a login shell, as JupyterLab's terminal is one, forgets the PATH of the image
 && echo "PATH=${HOME}/.venv/bin:\$PATH" > /etc/profile.d/glaciersar.sh

WORKDIR ${HOME}
COPY --from=environment --chown=${NB_UID}:${NB_UID} ${HOME}/.venv .venv
COPY --chown=${NB_UID}:${NB_UID} . .
# Docker makes the folder that it copies into as root
RUN chown ${NB_UID}:${NB_UID} .

USER ${NB_USER}
ENV PATH=${HOME}/.venv/bin:${PATH}
# what these two import is compiled, so that the first notebook needn't
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
 && touch .venv/made \
 && glaciersar doctor --device cpu \
 && jupyter lab --version

EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--ServerApp.root_dir=.", "--LabApp.default_url=/lab/tree/notebooks/00-quickstart.ipynb"]
