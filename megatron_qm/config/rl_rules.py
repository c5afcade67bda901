"""What the keys of `rl` must satisfy together, beyond what every run's must."""

from megatron_qm.config.alarms import check_alarms
from megatron_qm.config.fusion_rules import check_fusion
from megatron_qm.config.require import require
from megatron_qm.config.rl import CurriculumConfig, PolicyLossConfig, RlRun, ShapingConfig, VerifierConfig


def check_rl(config: RlRun) -> None:
    """Raise UserError for the first rule that `config` breaks."""
    _batch(config)
    _sampling(config)
    _loss(config.rl.loss)
    _verifier(config.rl.verifier)
    _shaping(config.rl.shaping, config.rl.sampling.max_new_tokens)
    _curriculum(config.rl.curriculum, overlap=config.rl.overlap)
    _replay(config)
    check_fusion(config.rl, config.train.start_from)
    check_alarms(config.rl.alarms, "rl.alarms")


def _batch(config: RlRun) -> None:
    rl, train = config.rl, config.train
    require(not config.data.sources, "data.sources is for pretraining; rl takes rl.items", "data.sources")
    require(
        rl.prompts * rl.samples % train.global_batch_size == 0,
        f"rl.prompts x rl.samples = {rl.prompts * rl.samples} responses must be a multiple of train.global_batch_size = "
        f"{train.global_batch_size}, the responses of an update",
        "rl.prompts", "rl.samples", "train.global_batch_size",
    )


def _sampling(config: RlRun) -> None:
    longest, length = config.rl.sampling.max_new_tokens, config.data.sequence_length
    sampling, cut_off = config.rl.sampling, config.rl.sampling.top_p < 1 or config.rl.sampling.top_k > 0
    require(
        not (config.rl.vllm and sampling.temperature != 1 and cut_off),
        f"rl.vllm with rl.sampling.temperature = {sampling.temperature:g} and top_p or top_k: vLLM tells no log-probabilities "
        "at a temperature before truncation; set the temperature to 1, or top_p: 1 and top_k: 0",
        "rl.vllm", "rl.sampling.temperature", "rl.sampling.top_p", "rl.sampling.top_k",
    )
    require(
        longest < length,
        f"rl.sampling.max_new_tokens = {longest} leaves no room for a prompt in data.sequence_length = {length}",
        "rl.sampling.max_new_tokens", "data.sequence_length",
    )


def _replay(config: RlRun) -> None:
    replay = config.rl.replay
    if replay is None:
        return
    require(bool(replay.sources), "rl.replay.sources is empty: name datasets, such as what sft has made of its groups: "
            "{folder: runs/sft/data}", "rl.replay.sources")
    require(config.rl.pack, "rl.replay reads rows of data.sequence_length tokens and needs rl.pack", "rl.replay", "rl.pack")
    require(
        config.rl.sampling.temperature == 1,
        f"rl.replay with rl.sampling.temperature = {config.rl.sampling.temperature:g}: the trainer's probabilities are those of "
        "the sampling, and text is learnt at temperature 1",
        "rl.replay", "rl.sampling.temperature",
    )


def _loss(loss: PolicyLossConfig) -> None:
    require(
        loss.dual_clip is None or loss.kind in ("ppo", "gspo"),
        f"rl.loss.dual_clip bounds the ratio of ppo and gspo; rl.loss.kind = {loss.kind} has none with a gradient: leave it out",
        "rl.loss.dual_clip", "rl.loss.kind",
    )


def _verifier(verifier: VerifierConfig) -> None:
    asked = {name: model.seconds for name, model in (("judge", verifier.judge), ("grader", verifier.grader)) if model}
    for name, seconds in asked.items():
        require(
            verifier.seconds > seconds,
            f"rl.verifier.seconds = {verifier.seconds:g} must be over rl.verifier.{name}.seconds = {seconds:g}, or a slow "
            f"endpoint costs every answer",
            "rl.verifier.seconds", f"rl.verifier.{name}.seconds",
        )


def _shaping(shaping: ShapingConfig, longest: int) -> None:
    require(
        shaping.overlong_buffer is None or shaping.overlong_buffer <= longest,
        f"rl.shaping.overlong_buffer = {shaping.overlong_buffer}: must lie in [1, rl.sampling.max_new_tokens = {longest}]",
        "rl.shaping.overlong_buffer", "rl.sampling.max_new_tokens",
    )


def _curriculum(curriculum: CurriculumConfig, *, overlap: bool) -> None:
    require(
        curriculum.hopeless_at is None or curriculum.hopeless_at < curriculum.mastered_at,
        "rl.curriculum.hopeless_at must be below mastered_at",
        "rl.curriculum.hopeless_at", "rl.curriculum.mastered_at",
    )
    require(
        curriculum.by != "difficulty" or curriculum.rehearse > 0,
        "rl.curriculum.by = difficulty with rehearse = 0: a prompt whose answers were once all right, or all wrong, would never "
        "be asked again; set rl.curriculum.rehearse, such as 0.25",
        "rl.curriculum.by", "rl.curriculum.rehearse",
    )
    require(
        curriculum.by != "difficulty" or curriculum.resample,
        "rl.curriculum.by = difficulty says which prompts leave, and rl.curriculum.resample = false lets none leave",
        "rl.curriculum.by", "rl.curriculum.resample",
    )
    require(
        not (curriculum.refills and overlap),
        "rl.curriculum.refills does not go with rl.overlap: whether to ask again is known only once a batch is judged",
        "rl.curriculum.refills", "rl.overlap",
    )
