"""What the keys of `rl` must satisfy, beyond what every run's must."""

from megatron_qm.config.alarms import check_alarms
from megatron_qm.config.rl import CurriculumConfig, RlRun, ShapingConfig, VerifierConfig
from megatron_qm.config.rules import require


def check_rl(config: RlRun) -> None:
    """Raise UserError for the first rule that `config` breaks."""
    _counts(config)
    _batch(config)
    _sampling(config)
    _verifier(config.rl.verifier)
    _shaping(config.rl.shaping, config.rl.sampling.max_new_tokens)
    _curriculum(config.rl.curriculum, overlap=config.rl.overlap)
    check_alarms(config.rl.alarms, "rl.alarms")


def _counts(config: RlRun) -> None:
    rl = config.rl
    at_least_one = {
        "prompts": rl.prompts, "samples": rl.samples, "sampling.max_sequences": rl.sampling.max_sequences,
        "sampling.max_new_tokens": rl.sampling.max_new_tokens, "verifier.workers": rl.verifier.workers,
        "keep_rollouts": rl.keep_rollouts, "shaping.repetition_ngram": rl.shaping.repetition_ngram,
    }
    for key, value in at_least_one.items():
        require(value is None or value >= 1, f"rl.{key} = {value}: must be 1 or more")
    require(rl.samples > 1, "rl.samples = 1: a response is judged against the others to its prompt; set 2 or more")
    require(rl.epochs is None or rl.epochs > 0, f"rl.epochs = {rl.epochs}: must be above 0")


def _batch(config: RlRun) -> None:
    rl, train = config.rl, config.train
    require(not config.data.sources, "data.sources is for pretraining; rl takes rl.items")
    require(
        rl.prompts * rl.samples % train.global_batch_size == 0,
        f"rl.prompts x rl.samples = {rl.prompts * rl.samples} responses must be a multiple of train.global_batch_size = "
        f"{train.global_batch_size}, the responses of an update",
    )


def _sampling(config: RlRun) -> None:
    sampling, length = config.rl.sampling, config.data.sequence_length
    require(
        sampling.max_new_tokens < length,
        f"rl.sampling.max_new_tokens = {sampling.max_new_tokens} leaves no room for a prompt in data.sequence_length = {length}",
    )
    require(
        sampling.temperature > 0,
        f"rl.sampling.temperature = {sampling.temperature}: must be above 0, or all responses to a prompt are the same",
    )


def _verifier(verifier: VerifierConfig) -> None:
    require(
        verifier.seconds > 0 and verifier.memory_gib >= 0, "rl.verifier.seconds must be above 0, memory_gib 0 or more"
    )
    judge = verifier.judge
    if judge is None:
        return
    require(judge.votes >= 1, f"rl.verifier.judge.votes = {judge.votes}: must be 1 or more")
    require(0 <= judge.agreement <= 1, f"rl.verifier.judge.agreement = {judge.agreement}: must lie in [0, 1]")
    require(
        verifier.seconds > judge.seconds * judge.votes,
        f"rl.verifier.seconds = {verifier.seconds:g} must be over rl.verifier.judge's votes x seconds = "
        f"{judge.votes * judge.seconds:g}, or a slow endpoint costs every answer",
    )


def _shaping(shaping: ShapingConfig, longest: int) -> None:
    require(0 <= shaping.format_weight < 1, f"rl.shaping.format_weight = {shaping.format_weight}: must lie in [0, 1)")
    require(
        shaping.overlong_buffer is None or 0 < shaping.overlong_buffer <= longest,
        f"rl.shaping.overlong_buffer = {shaping.overlong_buffer}: must lie in [1, rl.sampling.max_new_tokens = {longest}]",
    )
    require(
        shaping.repetition_weight >= 0, f"rl.shaping.repetition_weight = {shaping.repetition_weight}: must not be negative"
    )


def _curriculum(curriculum: CurriculumConfig, *, overlap: bool) -> None:
    require(0 < curriculum.mastered_at <= 1, f"rl.curriculum.mastered_at = {curriculum.mastered_at}: must lie in (0, 1]")
    require(
        curriculum.hopeless_at is None or curriculum.hopeless_at < curriculum.mastered_at,
        "rl.curriculum.hopeless_at must be below mastered_at",
    )
    require(curriculum.refills >= 0, f"rl.curriculum.refills = {curriculum.refills}: must not be negative")
    require(
        not (curriculum.refills and overlap),
        "rl.curriculum.refills does not go with rl.overlap: whether to ask again is known only once a batch is judged",
    )
