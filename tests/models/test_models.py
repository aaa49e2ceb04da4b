import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models.layers import pad_to_multiple
from tests.support.networks import dates_for


def built(name, **options):
    torch.manual_seed(0)
    return models.build(name, width=4, **options)


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("dates", [1, 2, 7, 15, 23])
def test_any_number_of_dates_gives_logits_at_every_pixel_or_is_refused(name, dates):
    model, series = built(name).eval(), torch.rand(2, 1, dates, 16, 24)
    with torch.inference_mode():
        if model.dates not in (None, dates):
            with pytest.raises(InputError, match=f"{name}: a series of {dates} dates found, {model.dates} expected"):
                model(series)
            return
        logits = model(series)
    assert logits.shape == (2, 2, 16, 24)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("sides", [(1, 1), (13, 22), (8, 3)])
def test_sides_that_do_not_fit_are_padded_inside_by_their_last_row_and_column(name, sides):
    model = built(name, features=2).eval()
    series = torch.rand(1, 2, dates_for(model, 5), *sides)
    with torch.inference_mode():
        logits = model(series)
        padded = model(pad_to_multiple(series, model.size_divisor))
    assert logits.shape == (1, 2, *sides)
    assert torch.equal(logits, padded[..., : sides[0], : sides[1]])


@pytest.mark.parametrize("name", models.NAMES)
def test_a_tile_in_a_batch_is_mapped_as_alone(name):
    model = built(name).eval()
    series = torch.rand(3, 1, dates_for(model, 4), 16, 16)
    with torch.inference_mode():
        together, alone = model(series), torch.cat([model(one[None]) for one in series])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", models.NAMES)
def test_every_weight_learns(name):
    model = built(name, dropout=0).train()
    model(torch.rand(2, 1, dates_for(model, 5), 16, 16)).square().sum().backward()
    for key, weight in model.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.isfinite().all(), key
        assert key.endswith("bias") or weight.grad.abs().max() > 0, key  # a bias before a normalisation has none


@pytest.mark.parametrize("name", models.NAMES)
def test_the_same_seed_gives_the_same_weights_and_gradients_to_the_bit(name):
    def gradients():
        model = built(name, dropout=0.2).train()
        model(torch.rand(2, 1, dates_for(model, 5), 16, 16)).sigmoid().sum().backward()
        return [weight.grad for weight in model.parameters()]

    torch.use_deterministic_algorithms(True)
    try:
        first, second = gradients(), gradients()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", models.NAMES)
def test_dropout_acts_in_training_only(name):
    model = built(name, dropout=0.5)
    series = torch.rand(2, 1, dates_for(model, 4), 16, 16)
    with torch.no_grad():
        assert not torch.equal(model.train()(series), model(series))
        assert torch.equal(model.eval()(series), model(series))
        still = built(name, dropout=0).train()
        assert torch.equal(still(series), still(series))


@pytest.mark.parametrize(
    ("name", "features", "width", "trainable", "running"),
    [
        ("unet3d", 1, 32, 4_355_586, 3_264),
        ("unet3d", 2, 32, 4_356_482, 3_264),
        ("unet3d_weighted", 1, 32, 4_682_274, 3_264),
        ("unet3d_weighted", 2, 8, 294_122, 816),
        ("ulstm", 1, 32, 1_455_746, 1_024),
        ("ulstm", 1, 24, 819_362, 768),
    ],
)
def test_weights_are_as_many_as_the_authors_models_have(name, features, width, trainable, running):
    model = models.build(name, features=features, width=width)
    assert sum(weight.numel() for weight in model.parameters()) == trainable
    assert sum(buffer.numel() for key, buffer in model.named_buffers() if "running" in key) == running


def test_numbers_of_dates_are_checked_by_name_too():
    models.check_dates("unet2d_channels", 15)
    models.check_dates("unet2d_mean", 4)
    with pytest.raises(InputError, match="unet2d_channels: a series of 5 dates found, 15 expected"):
        models.check_dates("unet2d_channels", 5)


@pytest.mark.parametrize("name", models.NAMES)
def test_a_model_tells_what_it_was_built_as(name):
    model = models.build(name, features=3, width=6, dropout=0.1)
    assert (model.name, model.features, model.width, model.dropout) == (name, 3, 6, 0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "unet4d"}, "'unet4d' is unknown; expected one of unet3d, unet3d_weighted, ulstm, unet2d"),
        ({"name": "ulstm", "width": 7}, "width=7 found"),
        ({"name": "ulstm", "width": 0}, "width=0 found"),
        ({"name": "unet3d", "features": 0}, "features=0 found"),
        ({"name": "unet3d", "dropout": 1.0}, "dropout=1.0 found"),
    ],
)
def test_what_cannot_be_built_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        models.build(**options)


@pytest.mark.parametrize("shape", [(1, 2, 5, 16, 16), (1, 15, 16, 16), (1, 1, 0, 16, 16)])
def test_a_series_of_another_shape_is_refused_by_name_and_shapes(shape):
    with pytest.raises(InputError, match=r"unet3d: series of shape .* \(batch, 1, dates, height, width\) expected"):
        built("unet3d")(torch.rand(shape))
