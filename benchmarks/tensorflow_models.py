"""The two networks in Keras 2, mapping and training as TensorFlow does: the base that glaciersar is held against.

Runs in a Python that has TensorFlow (benchmarks.tensorflow_base says how to make one) and needs nothing of glaciersar:

    python benchmarks/tensorflow_models.py unet3d train 192 2          serve 'run' lines for benchmarks.turns
    python benchmarks/tensorflow_models.py --check ../shared/reference compare with the authors' own results

Layers carry the constants of the authors' code and stand in the order in which their weight files list them, so that
Keras loads these files as they are. Series (B, T, H, W, F) in, probabilities (B, H, W, 2) out.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # silence the notes on which instructions the processor has

import numpy as np
import tensorflow as tf
from tensorflow.keras import Input, Model, layers

DATES, FEATURES, WIDTH = 15, 1, 32
NORM = 0.99, 1e-3  # momentum and epsilon of batch normalisation
EPSILON = 1e-7  # probabilities are clipped this far from 0 and 1 in the loss
TOLERANCE = 5e-6  # of probabilities between two orders of summation in float32


def conv_norm_act(x, channels: int, kernel: tuple[int, ...]):
    conv = layers.Conv3D if len(kernel) == 3 else layers.Conv2D
    x = layers.BatchNormalization(-1, *NORM)(conv(channels, kernel, padding="same")(x))
    return layers.LeakyReLU(0.3)(x)


def residual(x, channels: int, kernel: tuple[int, ...]):
    y = conv_norm_act(conv_norm_act(x, channels, kernel), channels, kernel)
    return layers.Add()([y, layers.Dense(channels, use_bias=False)(x)])


def decoder(maps: list) -> Model:
    """Climb from the deepest map to full resolution, taking in the skip map of each level, and classify."""
    inputs = [Input(x.shape[1:]) for x in maps]
    *skips, x = inputs
    for skip in reversed(skips):  # (B, H, W, 2 C) -> (B, 2 H, 2 W, C)
        channels = x.shape[-1] // 2
        x = layers.Conv2D(channels, 2, padding="same", use_bias=False)(layers.UpSampling2D()(x))
        x = layers.Concatenate()([layers.BatchNormalization(-1, *NORM)(x), skip])
        x = residual(x, channels, (3, 3))
    return Model(inputs, layers.Dense(2, activation="softmax")(x))


def unet3d(side: int, width: int = WIDTH) -> Model:
    x = series = Input((DATES, side, side, FEATURES))
    maps = []
    for level in range(4):  # (B, T, H, W, C) -> (B, ⌈T/2⌉, H/2, W/2, 2 C)
        x = residual(layers.MaxPooling3D(2, padding="same")(x) if level else x, width << level, (3, 3, 3))
        whole = layers.MaxPooling3D((x.shape[1], 1, 1))(x)  # (B, 1, H, W, C)
        maps.append(layers.Reshape(whole.shape[2:])(whole))
    encoder = Model(series, maps)
    return Model(series, decoder(maps)(encoder(series)))


def bidirectional_lstm(x, channels: int):
    """Give the states at every date and those that either direction ends with."""
    lstm = layers.ConvLSTM2D(channels // 2, 3, padding="same", return_sequences=True, return_state=True)
    states, ahead, _, back, _ = layers.Bidirectional(lstm)(x)
    return states, layers.Concatenate()([ahead, back])


def ulstm(side: int, width: int = WIDTH) -> Model:
    x = series = Input((DATES, side, side, FEATURES))
    maps = []
    for level in range(2):  # (B, T, H, W, C) -> (B, T, H/2, W/2, 2 C)
        channels = width << level
        y, skip = bidirectional_lstm(conv_norm_act(x, channels, (1, 3, 3)), channels)
        x = layers.Add()([y, layers.Dense(channels, use_bias=False)(x)]) if level else y
        maps.append(skip)
        x = layers.MaxPooling3D((1, 2, 2), padding="same")(x)
    lstm = layers.Bidirectional(layers.ConvLSTM2D(2 * width, 3, padding="same"))  # ends only, no states between
    deepest = lstm(conv_norm_act(x, 4 * width, (1, 3, 3)))
    maps.append(deepest + tf.reduce_mean(layers.Dense(4 * width, use_bias=False)(x), axis=1))
    return Model(series, decoder(maps)(maps))


MODELS = {"unet3d": unet3d, "ulstm": ulstm}
FIXTURES = {"unet3d": "icemapper_v1_w4_f1", "ulstm": "ulstm_w4_f1"}


def mapper(model: Model) -> Callable:
    return tf.function(lambda series: model(series, training=False))


def trainer(model: Model) -> Callable:
    """Give one step of Adam on the focal loss with gamma 2; each call trains on and returns the loss before it."""
    adam = tf.keras.optimizers.Adam(5e-4)

    @tf.function
    def step(series, labels):
        with tf.GradientTape() as tape:
            p = tf.clip_by_value(model(series, training=True), EPSILON, 1 - EPSILON)
            loss = tf.reduce_mean(tf.reduce_sum(-((1 - p) ** 2) * labels * tf.math.log(p), axis=-1))
        weights = model.trainable_variables
        adam.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    return step


def prepare(name: str, task: str, side: int, batch: int) -> Callable[[], float]:
    """Build a model and a random batch; gives what is timed: mapping (glacier share) or a training step (loss)."""
    tf.keras.utils.set_random_seed(1)
    model = MODELS[name](side)
    series = tf.random.uniform((batch, DATES, side, side, FEATURES))
    if task == "map":
        call = mapper(model)
        return lambda: float(call(series).numpy()[..., 1].mean())
    step = trainer(model)
    labels = tf.one_hot(tf.cast(tf.random.uniform((batch, side, side)) > 0.5, tf.int32), 2)
    return lambda: float(step(series, labels))


def serve(run: Callable[[], float]) -> None:
    """Say when warm, then run once a line that comes in and answer with the result."""
    run()  # traces the graph
    print("ready", flush=True)
    for _ in sys.stdin:
        print(run(), flush=True)


def check(folder: Path) -> bool:
    """Load the authors' weights at width 4 and compare with what their own code made of them."""
    equal = True
    for name, stem in FIXTURES.items():
        given, steps = np.load(folder / f"{stem}_infer.npz"), np.load(folder / f"{stem}_step.npz")
        model = MODELS[name](given["x"].shape[2], width=4)
        model.load_weights(folder / f"{stem}.h5")
        gap = np.abs(mapper(model)(given["x"]).numpy() - given["y"]).max()
        step = trainer(model)
        losses = np.array([float(step(steps["x"], steps["labels_smoothed"])) for _ in range(3)])
        loss_gap = np.abs(losses / steps["losses_3steps"] - 1).max()
        print(f"{name}: probabilities differ by at most {gap:.1e}, the losses of three steps by {100 * loss_gap:.4f} %")
        equal &= bool(gap <= TOLERANCE and loss_gap <= 1e-3)
    return equal


if __name__ == "__main__":
    keras = getattr(tf.keras, "__version__", "2 of TensorFlow itself")
    if not keras.startswith("2"):
        sys.exit(f"Keras {keras} found, 2 expected: the layers of Keras 3 compute otherwise")
    if sys.argv[1] == "--check":
        sys.exit(None if check(Path(sys.argv[2])) else "not the authors' computation")
    name, task, side, batch = sys.argv[1:]
    serve(prepare(name, task, int(side), int(batch)))
