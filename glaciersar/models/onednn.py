"""Keep oneDNN, by which PyTorch convolves on a CPU, from Intel's AMX units, whose kernels for 3-D convolutions err.

With PyTorch 2.13, in bf16 and on AMX, the gradient of a kernel from 32 to 64 channels over sides of 64 pixels is wrong
by tens of percent, and differs from run to run on two threads. By AVX-512, on the same processor, it is right.
"""

import os
from collections.abc import MutableMapping

import torch

LIMIT = "ONEDNN_MAX_CPU_ISA"
WITHOUT_AMX = "AVX512_CORE_BF16"


def spare_amx(environment: MutableMapping[str, str] = os.environ) -> None:
    """Hold oneDNN to AVX-512 on a processor that has AMX; a limit that is set already stays.

    oneDNN reads the variable once, at the first convolution of a process; processes that are started inherit it.
    """
    if torch.cpu.get_capabilities().get("amx_bf16") and not {LIMIT, "DNNL_MAX_CPU_ISA"} & environment.keys():
        environment[LIMIT] = WITHOUT_AMX
