"""A real Slurm on this machine: slurmctld and a slurmd for each of a few virtual nodes, on loopback, as root.

No systemd, no cgroups, no accounting database. Nodes declare more CPUs than there are; a "crash" of one kills its slurmd
and every process that it started, as a power cut does.
"""

import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

from tests import packages
from tests.jobs import environment_of

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "scontrol", "munged")
PACKAGES = "slurmctld slurmd slurm-client munge shellcheck"
_CPUS, _GPUS = 32, 2

_CONF = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={root}/run/munge.sock
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd.%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
PlugStackConfig={root}/etc/plugstack.conf
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
SlurmdParameters=config_overrides
GresTypes=gpu
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=15
MessageTimeout=10
BatchStartTimeout=10
CompleteWait=0
InactiveLimit=0
JobRequeue=1
MinJobAge=3600
FirstJobId={first_job}
{nodes}
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=debug Nodes=vn[1-{count}] Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=vn[1-{count}] MaxTime=INFINITE State=UP PriorityTier=10
"""
_NODE = ("NodeName=vn{n} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory=1000000 "
         "Gres=gpu:{gpus} State=UNKNOWN")


def why_not() -> str | None:
    """Why there can be no cluster here; None if there can."""
    if os.geteuid() != 0:
        return "needs root, to start slurmd without systemd"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)}: apt-get install {PACKAGES}"
    if not os.access("/etc/hosts", os.W_OK):
        return "needs to write names of nodes into /etc/hosts"
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.mknod(f"{folder}/gpu", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except OSError as error:
        return f"needs to make device files that stand for GPUs: {error.strerror}"
    return None


def install() -> None:
    """Bring the packages where apt can; where it cannot, `why_not` will say what is missing."""
    if why_not() is not None:
        packages.install(PACKAGES.split())


class Cluster:
    """Use as a context; inside, `run` and the job functions talk to this cluster alone."""

    def __init__(self, root: Path, nodes: int = 3) -> None:
        self.root, self.nodes = Path(root), [f"vn{n}" for n in range(1, nodes + 1)]
        self.environment = os.environ | {"SLURM_CONF": str(self.root / "etc" / "slurm.conf")}
        for name in list(self.environment):
            if name.startswith(("SLURM_", "SBATCH_")) and name != "SLURM_CONF":
                del self.environment[name]
        self._daemons: dict[str, subprocess.Popen] = {}
        self._pending_since: dict[int | str, float] = {}

    def __enter__(self) -> "Cluster":
        self._configure()
        try:
            self._start_munge()
            self.start_controller()
            for node in self.nodes:
                self.start_node(node)
            self._wait_until_idle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            self.crash_node(node)
        for daemon in self._daemons.values():
            daemon.terminate()
        for daemon in self._daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        hosts = [line for line in Path("/etc/hosts").read_text().splitlines() if not line.endswith("# tests/slurm")]
        Path("/etc/hosts").write_text("\n".join(hosts) + "\n")

    # --- daemons

    def start_controller(self) -> None:
        self._daemons["slurmctld"] = self._daemon("slurmctld", "-D")

    def kill_controller(self) -> None:
        self._daemons["slurmctld"].kill()
        self._daemons.pop("slurmctld").wait()

    def start_node(self, node: str) -> None:
        self._daemons[node] = self._daemon("slurmd", "-D", "-N", node)

    def crash_node(self, node: str) -> None:
        """The power cut: the node's slurmd, its step daemons, and all that they started."""
        daemon = self._daemons.pop(node, None)
        if daemon is not None:
            daemon.kill()
            daemon.wait()
        for pid in self.processes_of(node):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it went with its parent

    def processes_of(self, node: str) -> list[int]:
        """Job processes of a node, their slurmstepds first."""
        found: list[int] = []
        for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
            variables = environment_of(pid)
            if variables.get("SLURMD_NODENAME") == node and variables.get("SLURM_CONF") == self.environment["SLURM_CONF"]:
                parent = _parent(pid)
                found += [parent] if _is_step_daemon(parent) and parent not in found else []
                found.append(pid)
        return sorted(found, key=lambda pid: not _is_step_daemon(pid))

    def _daemon(self, program: str, *arguments: str) -> subprocess.Popen:
        log = open(self.root / "log" / f"{program}.out", "ab")
        with log:
            return subprocess.Popen([shutil.which(program), "-f", self.environment["SLURM_CONF"], *arguments], stdout=log,
                                    stderr=log, stdin=subprocess.DEVNULL, env=self.environment, start_new_session=True)

    def _start_munge(self) -> None:
        key = self.root / "etc" / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        run = self.root / "run"
        command = ["munged", "--force", "--foreground", f"--key-file={key}", f"--socket={run / 'munge.sock'}",
                   f"--pid-file={run / 'munged.pid'}", f"--log-file={self.root / 'log' / 'munged.log'}",
                   f"--seed-file={run / 'munge.seed'}"]
        self._daemons["munged"] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                   stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 20
        while not (run / "munge.sock").exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _configure(self) -> None:
        for name in ("etc", "run", "log", "state", "spool", "dev"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)
        host, base = socket.gethostname().split(".")[0], _free_ports(len(self.nodes) + 1)
        nodes = [_NODE.format(n=n, host=host, port=base + n, cpus=_CPUS, gpus=_GPUS) for n in range(1, len(self.nodes) + 1)]
        # A stale checkpoint of "job 1" must not be taken for this cluster's.
        (self.root / "etc" / "slurm.conf").write_text(_CONF.format(
            host=host, port=base, root=self.root, nodes="\n".join(nodes), count=len(self.nodes),
            first_job=random.randrange(1000, 900000)))
        (self.root / "etc" / "plugstack.conf").write_text("")
        for gpu in range(_GPUS):  # Slurm 22.05 wants character devices
            device = self.root / "dev" / f"gpu{gpu}"
            if not device.exists():
                os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        (self.root / "etc" / "gres.conf").write_text(
            f"NodeName=vn[1-{len(self.nodes)}] Name=gpu File={self.root}/dev/gpu[0-{_GPUS - 1}]\n")
        with open("/etc/hosts", "a") as hosts:  # MASTER_ADDR is the name of a node
            hosts.writelines(f"127.0.0.1 {node} # tests/slurm\n" for node in self.nodes)

    def _wait_until_idle(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            states = set(self.run("sinfo", "-h", "-N", "-o", "%N %T", check=False).stdout.splitlines())  # a line per partition
            if states == {f"{node} idle" for node in self.nodes}:
                return
            time.sleep(0.1)
        logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted((self.root / "log").iterdir()))
        raise RuntimeError(f"the cluster did not come up\n{logs}")

    # --- jobs

    def run(self, *command: str, check: bool = True, **options: object) -> subprocess.CompletedProcess:
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=60, **options)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done

    def submit(self, *arguments: str, folder: Path, environment: dict[str, str] | None = None) -> int:
        done = subprocess.run(["sbatch", "--parsable", *arguments], capture_output=True, text=True, cwd=folder, timeout=60,
                              env=self.environment | (environment or {}))
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split(";")[0])

    def job(self, number: int | str) -> dict[str, str]:
        """What scontrol says of a job (of a task of an array: 12_3): JobState, Restarts, ExitCode, NodeList, ..."""
        text = self.run("scontrol", "show", "job", str(number), check=False).stdout
        return dict(word.split("=", 1) for word in text.split() if "=" in word)

    def skip_requeue_delay(self, number: int | str, job: dict[str, str]) -> None:
        """Start a requeued job now and not in two minutes, but not at once: slurmd refuses a job in the second in which
        it has revoked its credential."""
        if job.get("JobState") != "PENDING" or job.get("Reason") != "BeginTime":
            self._pending_since.pop(number, None)
        elif time.monotonic() - self._pending_since.setdefault(number, time.monotonic()) > 2.5:
            self.run("scontrol", "update", f"jobid={number}", "StartTime=now", check=False)

    def wait(self, number: int, seconds: float = 240, states: tuple[str, ...] = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT",
             "NODE_FAIL")) -> dict[str, str]:
        """Until the job is in one of `states`; a requeued job does not wait out its two minutes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job = self.job(number)
            if job.get("JobState") in states:
                return job
            self.skip_requeue_delay(number, job)
            time.sleep(0.2)
        raise AssertionError(f"job {number} is {self.job(number)} after {seconds:g} s")


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def _is_step_daemon(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("slurmstepd")
    except OSError:
        return False


def _free_ports(count: int) -> int:
    """The first of `count` ports that nobody listens on."""
    while True:
        base = random.randrange(10000, 31000)
        try:
            for port in range(base, base + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
