"""Which number format a processor computes fastest in."""

import torch


def multiplies_bf16(device: str) -> bool:
    """Tell whether a device ("cpu", "cuda") multiplies bf16 in hardware; emulated, it is slower than float32."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return device == "cpu" and bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16"))
