"""A long run with failures, simulated: days to the end, and what they were spent on."""

import math
import random
import statistics
from dataclasses import dataclass

from megatron_qm.errors import UserError

# Llama 3 405B: 419 unexpected interruptions in 54 days on 16,384 H100s (arXiv 2407.21783, section 3.3.4).
PUBLISHED_GPU_HOURS = 16384 * 54 * 24 / 419
_MOST_PIECES = 1_000_000  # in a simulated run: each is a turn of a loop


@dataclass(frozen=True)
class Scenario:
    """All in hours but `gpus`. work: of the run without any trouble. checkpoint: blocked by each save. detect: from a failure
    to its discovery. restart: from there to the next step."""

    work: float
    gpus: int
    gpu_hours_between_failures: float = PUBLISHED_GPU_HOURS
    interval: float = 0.25
    checkpoint: float = 5 / 3600
    detect: float = 1 / 60
    restart: float = 10 / 60

    @property
    def mtbf(self) -> float:
        """Hours between failures of the whole job."""
        return self.gpu_hours_between_failures / self.gpus


@dataclass(frozen=True)
class Outcome:
    """Hours of one simulated run: in all, lost to work done twice, to detection and restarts, to saves."""

    total: float
    lost_work: float
    down: float
    saves: float
    failures: int


def simulate(scenario: Scenario, seed: int) -> Outcome:
    """One run. Failures come as a Poisson process while the job computes; a restart may fail too."""
    require_sound(scenario)
    draw, mean = random.Random(seed), scenario.mtbf
    saved = total = lost = down = saves = 0.0
    failures, next_failure = 0, draw.expovariate(1 / mean)
    while saved < scenario.work:
        piece = min(scenario.interval, scenario.work - saved) + scenario.checkpoint
        if total + piece <= next_failure:
            total += piece
            saves += scenario.checkpoint
            saved = saved + piece - scenario.checkpoint
            continue
        lost += next_failure - total
        total = next_failure
        while True:  # until a restart survives
            failures += 1
            total += scenario.detect + scenario.restart
            down += scenario.detect + scenario.restart
            alive = draw.expovariate(1 / mean)
            if alive > scenario.restart:
                break
        next_failure = total + alive - scenario.restart
    return Outcome(total, lost, down, saves, failures)


def require_sound(scenario: Scenario) -> None:
    """Raises UserError for hours that are no numbers or have the wrong sign, and for a run that would not end."""
    for name in ("work", "interval", "mtbf", "checkpoint", "detect", "restart"):
        value, above_zero = getattr(scenario, name), name in ("work", "interval", "mtbf")
        if not math.isfinite(value) or value < 0 or (above_zero and value == 0):
            bound = "above 0" if above_zero else "0 or more"
            raise UserError(f"simulation: {name} = {value} hours: must be a finite number, {bound}")
    if scenario.work / scenario.interval > _MOST_PIECES:
        raise UserError(f"simulation: an interval of {scenario.interval * 60:g} minutes makes more than {_MOST_PIECES:,} "
                        "checkpoints in the run: take a longer one")
    if scenario.interval + scenario.checkpoint > 20 * scenario.mtbf or scenario.restart > 5 * scenario.mtbf:
        raise UserError(
            f"simulation: a failure each {scenario.mtbf * 60:.1f} minutes leaves no time for an interval of "
            f"{scenario.interval * 60:.0f} minutes or a restart of {scenario.restart * 60:.0f}: this run would never end")


def best_interval(scenario: Scenario) -> float:
    """Hours between checkpoints that lose least, by Daly's first-order formula (FGCS 22, 2006): sqrt(2 c (mtbf + r)) - c.
    A save that blocks nothing has no best interval: shorter is always better. Raises UserError for that."""
    require_sound(scenario)
    cost = scenario.checkpoint
    if cost == 0:
        raise UserError("simulation: a save that costs nothing has no best interval: give what it blocks training for")
    return max(math.sqrt(2 * cost * (scenario.mtbf + scenario.detect + scenario.restart)) - cost, cost)


def expected_total(scenario: Scenario) -> float:
    """Hours in all, in closed form for exponential failures (as Daly 2006, section 2): a piece of L = interval + checkpoint
    is repeated until it survives, which fails e^(L/M) - 1 times on average; each failure costs the mean work lost and
    the downtime, itself repeated until a restart survives: (e^(L/M) - 1) (M + (detect + restart) e^(restart/M))."""
    mean = scenario.mtbf
    failures_per_piece = math.expm1((scenario.interval + scenario.checkpoint) / mean)
    down = (scenario.detect + scenario.restart) * math.exp(scenario.restart / mean)
    return scenario.work / scenario.interval * failures_per_piece * (mean + down)


@dataclass(frozen=True)
class Summary:
    """Over the trials: days to the end (5th, 50th, 95th percentile); means of the rest. goodput: work / total."""

    days: tuple[float, float, float]
    failures: float
    goodput: float
    lost_work: float
    down: float
    saves: float


def summarise(scenario: Scenario, trials: int = 200, seed: int = 0) -> Summary:
    """`trials` simulated runs; the same seed gives the same summary. Raises UserError for fewer than one."""
    if trials < 1:
        raise UserError(f"simulation: trials = {trials}: must be 1 or more")
    runs = [simulate(scenario, seed * 1_000_003 + trial) for trial in range(trials)]
    totals = sorted(run.total / 24 for run in runs)
    low, median, high = (totals[min(len(totals) - 1, int(share * len(totals)))] for share in (0.05, 0.5, 0.95))
    mean = {name: statistics.mean(getattr(run, name) for run in runs) for name in ("lost_work", "down", "saves", "failures")}
    goodput = scenario.work / statistics.mean(run.total for run in runs)
    return Summary((low, median, high), mean["failures"], goodput, mean["lost_work"], mean["down"], mean["saves"])
