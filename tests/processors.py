"""Environments in which a child process computes as if on another processor."""

import os

import numpy as np


def others() -> dict[str, dict[str, str]]:
    """Name the processors that this one can pose as, each with the environment for a child process.

    "avx2" does without what is beyond AVX2, "baseline" without AVX2 as well; empty where NumPy chooses no kernels by
    the processor.
    """
    found: list[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    beyond = {"avx2": [name for name in found if name != "X86_V3"], "baseline": found}
    kernels = {
        "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell"} | _held_to("AVX2", "AVX2"),
        "baseline": {"ATEN_CPU_CAPABILITY": "default", "OPENBLAS_CORETYPE": "Nehalem"} | _held_to("SSE41", "SSE4_2"),
    }
    return {
        name: {**os.environ, **kernels[name], "NPY_DISABLE_CPU_FEATURES": " ".join(names)}
        for name, names in beyond.items()
        if names
    }


def _held_to(onednn: str, mkl: str) -> dict[str, str]:
    return {"ONEDNN_MAX_CPU_ISA": onednn, "DNNL_MAX_CPU_ISA": onednn, "MKL_ENABLE_INSTRUCTIONS": mkl}
