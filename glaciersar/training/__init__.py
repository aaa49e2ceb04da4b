"""Train a network on a dataset.

Comes in: a `TrainConfig` and a folder with train.h5 and val.h5. Goes out: weights, checkpoints and a log. Start with
`loop.train`, which reads from top to bottom; `config` lists the parameters, `step` is one step, `losses` has the loss,
`schedule` the learning rate, `validation` the scores of an epoch, `weight_averaging` the average of the weights,
`checkpoints` and `identity` what a killed run resumes from, `start` the weights of another training to start from. Of
devices are `processes`, `batch_statistics` (over several), `accumulation` and `shared_memory`; `plan` says what was
chosen. `launch` is the command line.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
