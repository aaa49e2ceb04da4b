"""Train a network on a dataset.

Comes in: a `TrainConfig` and a folder with train.h5 and val.h5. Goes out: weights, checkpoints and a log. Start with
`loop.train`; the loss lives in `losses`, the learning rate in `schedule`.
"""
