"""The files of preferences: noise at its rates, nothing held out is shown, verdicts are the gold reward's, the same bytes."""

import hashlib
import json
import math
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from data_tools.build_preferences import build, main
from data_tools.knowledge.phrasing import HELD_OUT
from data_tools.knowledge.triples import disease_triples
from data_tools.preferences.gold import gold
from data_tools.preferences.item import Item, item_of
from data_tools.preferences.phrases import ADVICE, ANSWER, CHOICES, PROMPTS, UNSAFE
from data_tools.preferences.sets import prompts
from data_tools.preferences.world import World, worlds
from megatron_qm.errors import UserError
from megatron_qm.rewards.grading import grading_prompt, read_instruction, score_of
from megatron_qm.rewards.items import read_items
from megatron_qm.rewards.registry import Verifiers

COUNTS = {"pairs": 1500, "held_out": 150, "graded": 150, "candidates": 150, "prompts": 300, "conversations": 800,
          "judgements": 900, "reasonings": 300, "read": 300}
SEED = 5
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("preferences")
    build(made, SEED, COUNTS)
    return made


def rows(folder: Path, name: str) -> Rows:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@cache
def known(language: str) -> dict[str, dict[str, list[str]]]:
    facts: dict[str, dict[str, list[str]]] = {}
    for triple in disease_triples(language):
        facts.setdefault(triple.subject, {}).setdefault(triple.predicate, []).append(triple.object)
    return facts


def asked_in(row: dict[str, Any]) -> Item:
    """The item of a pair or graded set, from its key and the table of facts: written apart from what drew it."""
    language, subject = row["metadata"]["language"], row["metadata"]["disease"]
    facts = known(language)[subject]
    asked, _, *choice = row["metadata"]["key"].removeprefix(f"gold-{language}-{subject}-").split("-")
    return item_of({"subject": subject, "language": language, "facts": facts, "answer": choice[0][:-1] if choice else None,
                    "asked": {part[:-1]: int(part[-1]) for part in asked.split("+")}})


def test_noise_is_drawn_at_its_rates(folder: Path) -> None:
    pairs = rows(folder, "pairs")
    found = Counter(pair["metadata"]["noise"] for pair in pairs)
    for noise, rate in {"flip": 0.10, "tie": 0.10, "length": 0.15, "none": 0.65}.items():
        spread = 4 * math.sqrt(rate * (1 - rate) * len(pairs))
        assert abs(found[noise] - rate * len(pairs)) <= spread, (noise, found)
    held = rows(folder, "held_out_pairs")
    assert {pair["metadata"]["noise"] for pair in held} == {"none", "tie"}
    for pair in pairs + held:
        assert (pair["label"] == "tie") == (pair["metadata"]["noise"] == "tie") == (pair["part"] == "tie")


def test_noise_does_what_its_name_says_and_else_the_verdict_is_golds(folder: Path) -> None:
    for pair in rows(folder, "pairs") + rows(folder, "held_out_pairs"):
        item = asked_in(pair)
        sides = [gold(item, pair[side]) for side in ("chosen", "rejected")]
        written = [pair["metadata"]["gold"][side] for side in ("chosen", "rejected")]
        assert [side.rounded() for side in sides] == written
        gap, noise = sides[0].total - sides[1].total, pair["metadata"]["noise"]
        assert pair["chosen"] != pair["rejected"]
        if noise == "tie":
            assert sides[0] == sides[1]
            continue
        assert abs(gap) >= 0.05 or pair["stratum"].startswith("hard")
        if noise == "length" and len(pair["chosen"]) != len(pair["rejected"]):
            assert len(pair["chosen"]) > len(pair["rejected"])
        else:
            assert (gap < 0) == (noise == "flip"), pair
        if pair["part"] in ("honesty", "helpfulness", "consistency", "compliance"):
            better, worse = sorted(sides, key=lambda side: -side.total)
            assert getattr(better, pair["part"]) > getattr(worse, pair["part"])


def test_length_tells_nothing_of_worth_in_training_pairs(folder: Path) -> None:
    uneven = [(len(pair["chosen"]) > len(pair["rejected"])) ^ (pair["metadata"]["noise"] == "flip")
              for pair in rows(folder, "pairs")
              if pair["metadata"]["noise"] in ("none", "flip") and len(pair["chosen"]) != len(pair["rejected"])]
    assert 0.4 < sum(uneven) / len(uneven) < 0.6


def test_hard_pairs_differ_in_a_fact_or_are_longer_and_wrong(folder: Path) -> None:
    hard = [pair for pair in rows(folder, "held_out_pairs") if pair["stratum"].startswith("hard")]
    assert {pair["part"] for pair in hard} == {"one_fact", "longer_wrong"} and len(hard) == 2 * COUNTS["held_out"]
    for pair in hard:
        chosen, rejected = pair["metadata"]["gold"]["chosen"], pair["metadata"]["gold"]["rejected"]
        assert chosen["total"] > rejected["total"] and chosen["honesty"] == 1 > rejected["honesty"]
        if pair["part"] == "longer_wrong":
            assert len(pair["rejected"]) > len(pair["chosen"])
        else:
            assert _alike_but_for_one(pair["chosen"], pair["rejected"]), pair


def _alike_but_for_one(one: str, other: str) -> bool:
    """Whether replacing one stretch of text, wherever it stands, makes the one text of the other."""
    start = next(index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    for begin in range(start, -1, -1):
        for size in range(1, 60):
            for size_of_other in range(1, 60):
                old, new = one[begin:begin + size], other[begin:begin + size_of_other]
                if one.replace(old, new) == other:
                    return True
    return False


def test_what_is_held_out_stands_nowhere_in_training(folder: Path) -> None:
    pairs, graded, items, talks = (rows(folder, name) for name in ("pairs", "graded", "rl", "sft"))
    held = [row for name in ("held_out_pairs", "held_out_graded") for row in rows(folder, name)]
    asked = [row["prompt"] for row in pairs + graded + items] + [talk["messages"][0]["content"] for talk in talks]
    said = [row[side] for row in pairs for side in ("chosen", "rejected")] + [text for row in graded for text in row["responses"]]
    said += [talk["messages"][1]["content"] for talk in talks]
    judgements = [json.loads(row["messages"][0]["content"].splitlines()[-1]) for row in rows(folder, "judgements")]
    asked, said = asked + [one["prompt"] for one in judgements], said + [one["response"] for one in judgements]
    apart = {row["metadata"]["disease"] for row in held if row["stratum"] in ("diseases", "hard_diseases")}
    shown = {row["metadata"]["disease"] for row in pairs + graded + items}
    assert len(apart) > 60 and len(shown) > 150 and not apart & shown
    assert not [(prompt, name) for prompt in asked for name in apart if name in prompt]
    for subject in shown:  # whole sentences of held-out phrasings about them
        language = "en" if subject.isascii() or "é" in subject or "ö" in subject else "zh"
        begun = [phrasing.before.replace("{s}", subject) for key, phrasings in HELD_OUT.items() if key[0] == language
                 for phrasing in phrasings]
        assert not [(text, start) for text in said if subject in text for start in begun if text.startswith(start)]
    for texts, tables in ((asked, (PROMPTS, CHOICES)), (said, (ANSWER, ADVICE, UNSAFE))):
        pieces = [_longest_piece(text) for table in tables for words in table.values() for text in words.held_out]
        assert not [(text, piece) for text in texts for piece in pieces if piece in text]
        measured = "\n".join(text for row in held for text in (row["prompt"], *row.get("responses", ()), row.get("rejected", "")))
        assert all(piece in measured for piece in pieces)


def _longest_piece(text: str) -> str:
    for name in ("{s}", "{o}", "{p}", "{parts}"):
        text = text.replace(name, "\0")
    return max(text.split("\0"), key=len)


def test_strata_are_what_they_say(folder: Path) -> None:
    shown = {row["metadata"]["disease"] for name in ("pairs", "graded", "rl") for row in rows(folder, name)}
    found: dict[str, set[str]] = {}
    for row in rows(folder, "held_out_pairs"):
        found.setdefault(row["stratum"], set()).add(row["metadata"]["disease"])
        assert ("-held_out" in row["metadata"]["key"]) == (row["stratum"] != "diseases")
    assert set(found) == {"phrasings", "diseases", "hard", "hard_diseases"} and all(len(names) > 50 for names in found.values())
    assert not (found["diseases"] | found["hard_diseases"]) & (shown | found["phrasings"] | found["hard"])
    assert len(found["phrasings"] & shown) > 0.9 * len(found["phrasings"])


def test_prompts_are_items_and_saying_them_back_is_worth_nothing(folder: Path) -> None:
    verifiers = Verifiers.named(["gold=data_tools.preferences.verifier:gold"], "rl.verifiers")
    for name in ("rl", "held_out_rl"):
        items = read_items(folder / f"{name}.jsonl", verifiers)
        assert len(items) == COUNTS["prompts"] == len({item.question for item in items})
        for item in items:
            asked = item_of(item.reference)
            assert gold(asked, item.question).total == 0 == gold(asked, item.question * 3).total
    taught = " ".join(talk["messages"][0]["content"] for talk in rows(folder, "sft"))
    assert not [row for row in rows(folder, "rl") if row["prompt"] in taught]


def test_graded_sets_bear_the_gold_totals(folder: Path) -> None:
    for name in ("graded", "held_out_graded"):
        for row in rows(folder, name):
            assert len(set(row["responses"])) == len(row["scores"]) == 4
            assert row["scores"] == [gold(asked_in(row), text).rounded()["total"] for text in row["responses"]]


def judged(row: dict[str, Any]) -> tuple[Item, str, str]:
    """(item, response, what was said of it) of a judgement, from its id, the table of facts and what is asked."""
    key, (asked, said) = row["id"].rpartition("#")[0], (message["content"] for message in row["messages"])
    language = key.split("-")[1]
    subject = max((name for name in known(language) if key.startswith(f"gold-{language}-{name}-")), key=len)
    data = json.loads(asked.splitlines()[-1])
    assert asked == grading_prompt(read_instruction(), [{"role": "user", "content": data["prompt"]}], data["response"])
    assert subject in data["prompt"]
    return asked_in({"metadata": {"language": language, "disease": subject, "key": key}}), data["response"], said


def test_judgements_are_golds_but_for_annotators_who_are_one_off(folder: Path) -> None:
    off = Counter()
    for row in rows(folder, "judgements"):
        item, response, said = judged(row)
        score = score_of(said)
        assert isinstance(score, float)
        off[score - round(1 + 9 * gold(item, response).total)] += 1
    assert set(off) == {-1, 0, 1}
    for moved in (-1, 1):  # at the ends of the scale a score can be moved one way alone
        assert 0.05 < off[moved] / COUNTS["judgements"] < 0.15
    assert sum(json.loads((folder / "summary.json").read_text())["judgements"]["noise"].values()) == COUNTS["judgements"]


def test_reasons_of_judgements_name_what_is_wrong(folder: Path) -> None:
    """Each part is without blame exactly where gold finds none, and no right value is called wrong."""
    fine = {"en": ("nothing missing", "holds", "safe"), "zh": ("不缺", "成立", "安全")}
    for row in rows(folder, "judgements"):
        item, response, said = judged(row)
        found, (honest, *parts, _) = gold(item, response), said.splitlines()
        helpful, consistent, compliant = (part.strip("。.").endswith(f" {word}" if item.language == "en" else f"：{word}")
                                          for part, word in zip(parts, fine[item.language], strict=True))
        assert (consistent, compliant) == (found.consistency == 1, found.compliance == 1), said
        assert helpful or found.helpfulness < 1
        wrong = re.findall({"en": r"(?:: |, )([^,]+?) wrong", "zh": r"[：，]([^，]+?)错"}[item.language], honest)
        assert not set(wrong) & set().union(*item.facts.values()), said
        blamed = wrong or re.search("of another disease|nothing is stated|别的疾病|没有说明", honest)
        assert not blamed if found.honesty == 1 else blamed or re.search("not asked for|没有问", honest), said


def test_reasonings_lead_to_their_answers_whether_these_are_right_or_not(folder: Path) -> None:
    right = 0
    for row in rows(folder, "reasonings"):
        language, predicate = row["kind"].split()
        before, answer = row["response"].split("\n\n")
        assert row["answer"] in before and row["answer"] in answer and row["options"][0] == row["answer"]
        assert len(set(row["options"])) == len(row["options"]) >= 2
        subject = next(name for name in known(language) if row["key"].startswith(f"gold-{language}-{name}-"))
        right += row["answer"] in known(language)[subject][predicate]
    assert 0.5 < right / COUNTS["reasonings"] < 0.95


def test_what_a_policy_begins_with_leaves_something_to_learn(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    assert 0.55 < summary["gold_of_conversations"] < 0.75
    assert len({talk["messages"][1]["content"] for talk in rows(folder, "sft")}) > 0.8 * COUNTS["conversations"]


def test_what_a_base_model_has_read_is_right_of_everybody_and_in_all_wordings(folder: Path) -> None:
    read = rows(folder, "read")
    prompts = " ".join(talk["messages"][0]["content"] for talk in read)
    for wordings in PROMPTS.values():
        for wording in wordings.all:
            assert wording.partition("{s}")[0] in prompts
    for talk in read:
        language, subject = next((language, name) for language in ("en", "zh") for name in known(language)
                                 if talk["id"].startswith(f"gold-{language}-{name}-"))
        asked = {"metadata": {"language": language, "disease": subject, "key": talk["id"].partition("#")[0]}}
        assert gold(asked_in(asked), talk["messages"][1]["content"]).total == 1.0, talk
    assert {talk["id"].split("-")[1] for talk in read} == {"en", "zh"}


def test_a_smaller_world_knows_its_share_of_the_diseases_in_one_language(tmp_path: Path) -> None:
    few = dict.fromkeys(COUNTS, 40)
    build(tmp_path, SEED, few, ["en"], 0.2)
    whole = worlds(SEED)["en"]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["diseases"] == {"en": {group: round(0.2 * len(names)) for group, names in whole.groups.items()}}
    kept = worlds(SEED, ["en"], 0.2)["en"]
    assert all(set(kept.groups[group]) < set(whole.groups[group]) for group in whole.groups)
    mine, all_codes = ({code for facts in world.facts.values() for code in facts["code"]} for world in (kept, whole))
    strange = {code for code in all_codes if not any(code in one for one in mine)}
    for pair in rows(tmp_path, "pairs") + rows(tmp_path, "held_out_pairs"):
        assert pair["metadata"]["disease"] in kept.facts and pair["metadata"]["language"] == "en"
        assert not any(code in pair["chosen"] + pair["rejected"] for code in strange)
    with pytest.raises(UserError, match=r"--share 0: must lie above 0"):
        build(tmp_path / "none", SEED, few, None, 0)


def test_the_same_seed_gives_the_same_bytes_another_does_not(folder: Path, tmp_path: Path) -> None:
    build(tmp_path / "again", SEED, COUNTS)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in (tmp_path / "again").iterdir())
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    few = dict.fromkeys(COUNTS, 20)
    build(tmp_path / "again", SEED + 1, few, overwrite=True)
    summary = json.loads((tmp_path / "again" / "summary.json").read_text())
    for name, digest in summary["sha256"].items():
        content = (tmp_path / "again" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert content.splitlines()[0] != (folder / name).read_bytes().splitlines()[0]
        assert summary["lines"][name] == len(content.splitlines())


def test_the_command_says_what_it_wrote_and_refuses_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = [word for name in COUNTS for word in (f"--{name.replace('_', '-')}", "10")]
    assert main(["--output", str(tmp_path / "out"), *few]) == 0
    assert "pairs.jsonl: 10 lines" in capsys.readouterr().out
    assert main(["--output", str(tmp_path / "none"), "--pairs", "0"]) == 2
    assert "--pairs 0: must lie between 1 and" in capsys.readouterr().err and not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("")
    assert main(["--output", str(tmp_path / "file"), *few]) == 2
    assert "file" in capsys.readouterr().err


def test_more_prompts_than_there_are_is_said() -> None:
    facts = {name: tuple(values) for name, values in known("en")["Asthma"].items()}
    one = World("en", {"Asthma": facts}, {"shown": (), "asked": ("Asthma",), "held_out": ()})
    with pytest.raises(UserError, match="1000 prompts of rl: there are hardly more than .*; ask for fewer"):
        prompts({"en": one}, 1000, 0, ("rl",))
