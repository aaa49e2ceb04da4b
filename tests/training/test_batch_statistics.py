"""glaciersar.training.batch_statistics"""

import copy

import pytest
import torch
import torch.distributed as dist
from torch import nn

from glaciersar import models
from glaciersar.training.batch_statistics import CpuSyncBatchNorm, share_batch_statistics


@pytest.fixture
def alone(tmp_path):
    """A group of this process alone: what is exchanged with nobody is as nothing."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
@pytest.mark.parametrize(("device", "kind"), [("cuda", nn.SyncBatchNorm), ("cpu", CpuSyncBatchNorm)])
def test_every_normalisation_is_exchanged_and_its_tensors_keep_their_names_and_order(name, device, kind):
    model = models.build(name, width=4)
    for tensor in model.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape) * 10)
    plain = copy.deepcopy(model)
    share_batch_statistics(model, device)
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert norms
    assert {type(norm) for norm in norms} == {kind}
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in plain.named_parameters()]
    assert list(model.state_dict()) == list(plain.state_dict())
    assert all(torch.equal(value, plain.state_dict()[key]) for key, value in model.state_dict().items())


def test_torch_refuses_its_own_on_a_cpu(alone):
    with pytest.raises(ValueError, match="to be on GPU"):
        nn.SyncBatchNorm(3)(torch.rand(2, 3, 4, 4))


@pytest.mark.parametrize("shape", [(3, 4, 6, 7), (2, 4, 5, 6, 7)])
def test_a_process_alone_normalises_as_torch_does(alone, shape):
    own, norm = CpuSyncBatchNorm(4, 1e-3, 0.01), {4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[len(shape)](4, 1e-3, 0.01)
    for module in (own, norm):
        module.weight.data = torch.tensor([1.0, 2, 3, 4])
        module.bias.data = torch.tensor([0.5, 0, -1, 2])
    x = 5 + torch.rand(shape, generator=torch.Generator().manual_seed(1))
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    results = [module(given) for module, given in zip((own, norm), inputs, strict=True)]
    torch.testing.assert_close(*results, atol=1e-4, rtol=1e-4)
    for result in results:
        (result.square() * torch.linspace(0, 1, x.numel()).view(shape)).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(own.weight.grad, norm.weight.grad, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(own.state_dict(), norm.state_dict())
    for module in (own, norm):
        module.eval()
    torch.testing.assert_close(own(x), norm(x))


def test_numbers_of_16_bits_go_in_and_out_and_are_normalised_in_32(alone):
    own = CpuSyncBatchNorm(4)
    x = torch.rand(2, 4, 8, 8).bfloat16()
    result = own(x)
    assert result.dtype == torch.bfloat16
    assert own.running_mean.dtype == torch.float32
    torch.testing.assert_close(result, nn.BatchNorm2d(4)(x.float()).bfloat16())
