"""A report of pairs for a terminal."""

from collections.abc import Sequence

from megatron_qm.data.text_table import left_table
from megatron_qm.evals.pairs.accuracy import Accuracy
from megatron_qm.evals.pairs.calibration import Calibration
from megatron_qm.evals.pairs.position import PositionBias, Proportion
from megatron_qm.evals.pairs.report import Report
from megatron_qm.evals.pairs.rows import STYLES
from megatron_qm.evals.pairs.slopes import Slope
from megatron_qm.evals.pairs.styles import Matrix

_AGREES = 1e-9
_Cells = Sequence[str]


def told(report: Report) -> str:
    """Every part that the file has something for, an empty line between them."""
    parts = [_accuracies(report), _notes(report), _best_of(report), _styles(report.styles), _calibration(report.calibration),
             _slopes(report.slopes)]
    return "\n\n".join(part for part in parts if part)


def told_judge(found: PositionBias) -> str:
    rows = [("of a judge asked in both orders", "share", "95% interval", "n")]
    for name, share, n in (("prefers what stands first", found.prefers_first, found.n), ("consistent", found.consistent, found.n),
                           ("accuracy, mean of both orders", found.accuracy, found.labelled),
                           ("right in both orders", found.accuracy_both, found.labelled)):
        rows.append((name, *_share(share), str(n)))
    return left_table(rows) + f"\n{found.unscored} comparisons without a verdict in both orders"


def _accuracies(report: Report) -> str:
    rows: list[_Cells] = [("", "n", "accuracy", "95% interval", "ties", "ties as half")]
    rows.append(_accuracy("all", report.accuracy))
    rows += [_accuracy(f"stratum={name}", stratum.accuracy) for name, stratum in report.strata.items()]
    rows.append(_accuracy("longer wins (characters)", report.longer))
    if report.longer_tokens:
        rows.append(_accuracy("longer wins (tokens)", report.longer_tokens))
    rows.append(_accuracy("sides exchanged", report.swapped))
    return left_table(rows)


def _accuracy(name: str, found: Accuracy) -> tuple[str, ...]:
    return (name, str(found.n), percent(found.value), _interval(found.low, found.high), str(found.ties), percent(found.ties_half))


def _notes(report: Report) -> str:
    """What a reader must know of the table."""
    unscored = sum(report.unscored.values())
    said = [f"{report.rows} pairs in {report.pairs.path}, {unscored} of them without a score"
            + (f" ({', '.join(f'{count} {reason}' for reason, count in report.unscored.items())})" if unscored else "")]
    said += [f"{report.pairs.path}:{line}: {why}" for line, why in report.measured.unscored_first.values()]
    expected = report.swapped_expected
    if expected is not None and report.swapped.value is not None and abs(expected - report.swapped.value) > _AGREES:
        said.append(f"warning: with the sides exchanged the accuracy must be {expected:.1%} and is {report.swapped.value:.1%}: a "
                    f"score depends on the order that responses are given in (by up to {report.order_effect or 0:.3g})")
    if report.tied:
        apart = "" if report.tied.in_deviations is None else f", {report.tied.in_deviations:.3g} standard deviations"
        said.append(f"{report.tied.n} pairs labelled as ties: scores {report.tied.mean:.3g} apart on average{apart}")
    return "\n".join(said)


def _best_of(report: Report) -> str:
    rows = [("", "n", "accuracy", "95% interval", "ties", "ties shared")]
    for size, found in report.best_of.items():
        rows.append((f"best of {size}", str(found.n), percent(found.right / found.n), _interval(*found.interval),
                     str(found.ties), percent(found.shared)))
    parts = [left_table(rows)] if report.best_of else []
    if report.ties:
        score = "none, for no key tied:N has its ref:N" if report.ties.score is None else f"{report.ties.score:.3f}"
        parts.append(f"ties (RewardBench 2) over {report.ties.n} questions with several right answers: score {score}; "
                     f"all right above all wrong in {report.ties.tied:.1%}")
    return "\n".join(parts)


def _styles(matrix: Matrix | None) -> str:
    if matrix is None:
        return ""
    rows: list[_Cells] = [("better \\ worse", *STYLES)]
    rows += [(style, *(percent(cell.value) for cell in row)) for style, row in zip(STYLES, matrix.cells, strict=True)]
    levels = (f"{name} {percent(level.value)}" + (f" ({_interval(*level.interval)})" if level.interval else "")
              for name, level in matrix.levels.items())
    return f"{left_table(rows)}\n{', '.join(levels)}, n = {matrix.n}"


def _calibration(found: Calibration | None) -> str:
    if found is None:
        return ""
    rows: list[_Cells] = [("confidence", "n", "mean", "right")]
    rows += [(f"{one.low:.0%} to {one.high:.0%}", str(one.n), percent(one.confidence), percent(one.accuracy))
             for one in found.bins]
    said = f"ECE {found.whole.ece:.3f}; "
    if found.temperature is None or found.before is None or found.after is None:
        return f"{left_table(rows)}\n{said}no temperature: {found.reason}"
    return (f"{left_table(rows)}\n{said}temperature {found.temperature:.3g} fitted on {found.fitted} comparisons; on the other "
            f"{found.held_out} ECE {found.before.ece:.3f} -> {found.after.ece:.3f}, "
            f"NLL {found.before.nll:.3f} -> {found.after.nll:.3f}")


def _slopes(found: Sequence[Slope]) -> str:
    if not found:
        return ""
    rows: list[_Cells] = [("slope at equal label, in standard deviations of the scores", "", "95% interval", "n")]
    for slope in found:
        name = f"per {slope.unit}" + (f", at equal {slope.beside}" if slope.beside else "")
        if slope.value is None:
            rows.append((name, "–", slope.reason, str(slope.n)))
        else:
            rows.append((name, f"{slope.value:+.3f}", f"{slope.low:+.3f} to {slope.high:+.3f}", str(slope.n)))
    return left_table(rows)


def _share(found: Proportion) -> tuple[str, str]:
    return percent(found.value), _interval(found.low, found.high)


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _interval(low: float, high: float) -> str:
    return f"{low:.1%} to {high:.1%}"
