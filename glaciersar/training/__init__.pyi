from .checkpoints import read_log as read_log
from .config import TrainConfig as TrainConfig
from .config import count_steps as count_steps
from .launch import train_run as train_run
from .loop import train as train
