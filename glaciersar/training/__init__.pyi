from .checkpoints import read_log as read_log
from .config import TrainConfig as TrainConfig
from .config import count_steps as count_steps
from .loop import train as train
