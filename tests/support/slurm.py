"""A real SLURM of one machine on loopback: controller, node and munge in a folder of its own, stopped at the end.

python -m tests.support.slurm COMMAND…   runs a command beside it, such as snakemake --profile profiles/slurm

No service of the system is asked for and none is changed. Memory that jobs ask for is counted, not enforced: that needs
control groups, which a container seldom has.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
WAIT = 60.0
"""Seconds until it must be ready, or stopped."""

CONFIG = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=5
ReturnToService=2
MinJobAge=600
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={megabytes} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> list[str]:
    """Name the programs of SLURM and munge that this machine lacks."""
    return [name for name in (*DAEMONS, *CLIENTS) if _find(name) is None]


@contextmanager
def running_slurm(*, cores: int = 0, megabytes: int = 0) -> Iterator[Mapping[str, str]]:
    """Start a SLURM, wait until its node is idle, and stop it by the ids of its processes at the end.

    Args:
        cores: Of the node, no more than there are; 0 takes all.
        megabytes: Of memory that it lends; 0 takes all.

    Yields:
        The environment in which its commands find it.

    Raises:
        RuntimeError: It was not ready in time; with the end of its logs.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-") as name, ExitStack() as stack:
        folder = Path(name)
        for part in ("state", "spool"):
            (folder / part).mkdir()
        config = folder / "slurm.conf"
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        config.write_text(
            CONFIG.format(
                host=socket.gethostname().partition(".")[0],
                user=_user(),
                ports=_free_ports(2),
                folder=folder,
                cores=cores or os.cpu_count(),
                megabytes=min(megabytes or memory, memory),
            )
        )
        # no plugin of control groups is looked for
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        path = f"{_write_commands(folder, config)}{os.pathsep}{os.environ.get('PATH', '')}"
        environment = {**os.environ, "SLURM_CONF": str(config), "PATH": path}
        stack.enter_context(_munge(folder, environment))
        stack.enter_context(_daemon(["slurmctld", "-D", "-f", str(config)], folder, environment))
        stack.enter_context(_daemon(["slurmd", "-D", "-f", str(config)], folder, environment))
        _wait(lambda: _is_idle(environment), "an idle node", folder)
        yield environment


def _write_commands(folder: Path, config: Path) -> Path:
    """Write commands that know the configuration, as Snakemake keeps SLURM_CONF from the srun of a job."""
    commands = folder / "bin"
    commands.mkdir()
    for name in CLIENTS:
        if program := _find(name):
            (commands / name).write_text(f'#!/bin/sh\nSLURM_CONF={config} exec {program} "$@"\n')
            (commands / name).chmod(0o755)
    return commands


@contextmanager
def _munge(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Start munge, by which SLURM knows who asks, with a key and a socket of its own."""
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    paths = {"key-file": key, "socket": folder / "munge.socket", "pid-file": folder / "munged.pid"}
    paths |= {"log-file": folder / "munged.log", "seed-file": folder / "munged.seed"}
    options = [f"--{name}={path}" for name, path in paths.items()]
    with _daemon(["munged", "--foreground", "--force", *options], folder, environment):
        _wait(paths["socket"].exists, "munge's socket", folder)
        yield


@contextmanager
def _daemon(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run a daemon in the foreground of its own process group, until the block ends."""
    program = _find(command[0])
    assert program is not None
    with (folder / f"{command[0]}.out").open("wb") as said:
        process = subprocess.Popen([program, *command[1:]], env=environment, stdout=said, stderr=said)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(WAIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_idle(environment: Mapping[str, str]) -> bool:
    asked = subprocess.run(["sinfo", "-h", "-o", "%t"], env=environment, capture_output=True, text=True, check=False)
    return asked.stdout.strip() == "idle"


def _wait(ready: Callable[[], bool], what: str, folder: Path) -> None:
    deadline = time.monotonic() + WAIT
    while not ready():
        if time.monotonic() > deadline:
            ends = "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in sorted(folder.glob("*.log")))
            raise RuntimeError(f"no {what} found after {WAIT:.0f} s\n{ends}")
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def main() -> int:
    """Run a command beside a SLURM."""
    if absent := missing_programs():
        print(f"slurm: {', '.join(absent)} not found, SLURM and munge expected", file=sys.stderr)
        return 2
    with running_slurm() as environment:
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
