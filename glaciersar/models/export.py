"""Write a network as a graph that other programs run: torch.export and ONNX, for any batch, height and width."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write
from glaciersar.io.extras import require_extra
from glaciersar.models.layers import Network


class AnySides(nn.Module):
    """A network whose graph pads and crops for any height and width, instead of those it was traced with."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model

    def forward(self, series: Tensor) -> Tensor:  # (B, F, T, H, W) -> logits (B, 2, H, W)
        height, width = series.shape[-2:]
        rows, columns = (_up_to_multiple(side, self.model.size_divisor) for side in (height, width))
        series = nn.functional.pad(series, (0, columns - width, 0, rows - height, 0, 0), mode="replicate")
        logits: Tensor = self.model.decoder(self.model.encode(series))
        down, right = (torch.arange(side, device=series.device) for side in (height, width))
        return logits.index_select(2, down).index_select(3, right)  # a slice would be fixed in the graph


def _up_to_multiple(side: int, multiple: int) -> int:
    return (side + multiple - 1) // multiple * multiple


@torch.no_grad()
def export_program(model: Network, *, dates: int = 15) -> ExportedProgram:
    """Export a network by `torch.export`: series (B, F, dates, H, W) in, logits (B, 2, H, W) out.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        dates: How many dates a series has; they are fixed, batch, height and width are not. Sides are longer than
            `model.size_divisor`, 8 pixels or 4.

    Raises:
        InputError: No date, or a number of them that the network does not take.
    """
    if dates < 1:
        raise InputError(f"dates={dates} found, 1 or more expected")
    model.check_dates(dates)
    model.eval()
    sides = (
        5 * model.size_divisor + 5,
        7 * model.size_divisor + 3,
    )  # unequal: export would take equal sides for one size
    example = torch.zeros(2, model.features, dates, *sides, device=next(model.parameters()).device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(
            AnySides(model), (example,), dynamic_shapes=({0: Dim.DYNAMIC, 3: Dim.DYNAMIC, 4: Dim.DYNAMIC},)
        )


def write_onnx(model: Network, path: str | Path, *, dates: int = 15) -> Path:
    """Write a network as ONNX, whole or not at all; the input is called `series`, the output `logits`.

    Needs the packages onnx and onnxscript: pip install onnx onnxscript.

    Args:
        model: From `models.build` or `pretrained.load`; put into evaluation mode here.
        path: The file to write.
        dates: How many dates a series has, as for `export_program`.

    Raises:
        InputError: As for `export_program`; one of the packages is missing, or the file cannot be written.
    """
    require_extra("onnx")
    require_extra("onnxscript")
    program = export_program(model, dates=dates)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = torch.onnx.export(program, input_names=["series"], output_names=["logits"], verbose=False)
    assert graph is not None
    with atomic_write(path) as temporary:
        graph.save(temporary, external_data=False)
    return Path(path)
