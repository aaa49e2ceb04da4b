"""Train a network on a dataset.

Comes in: a `TrainConfig` and a folder with train.h5 and val.h5. Goes out: weights, checkpoints and a log. Start with
`loop.train`, which reads from top to bottom; `config` lists the parameters, `losses` has the loss, `schedule` the
learning rate, `weight_averaging` the average of the weights, `checkpoints` what a killed run resumes from, `start` the
weights of another training to start from.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
