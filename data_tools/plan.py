"""What a run was asked to do: kept beside unfinished work, so that --resume continues only the same work."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from data_tools.options import Options
from data_tools.records import Manifest, Plan, TokenizerIdentity, Work
from data_tools.sources.inputs import Input
from data_tools.tokenizer import Tokenizer


def make_plan(options: Options, inputs: Sequence[Input], tokenizer: Tokenizer) -> Plan:
    """Everything that decides the bytes of the dataset, as JSON values; "replace" aside, which says what may end."""
    return {
        "options": options.that_shape_the_data(),
        "shard": list(options.shard),
        "tokenizer": tokenizer.identity(),
        "engine": tokenizer.engine,
        "inputs": [item.identity() for item in inputs],
        "replace": options.overwrite,
    }


def changes(before: Plan, now: Plan) -> list[str]:
    """What differs between two plans, in words; empty if the work is the same."""
    found = _changed_work(before, now)
    if before["engine"] != now["engine"]:
        found.append(f"the tokenizing engine was {before['engine']}, is {now['engine']}")
    return found + _changed_inputs(before["inputs"], now["inputs"])


def changes_since(manifest: Manifest, now: Plan) -> list[str]:
    """What differs between a finished dataset and a plan; the manifest knows no engine and no times of the inputs."""
    shard = manifest["shard"]
    before = Work(
        options=manifest["options"],
        shard=[shard["index"], shard["count"]] if shard else [0, 1],
        tokenizer=manifest["tokenizer"],
    )
    found = _changed_work(before, now)
    if not shard:
        return found + _changed_inputs([{"name": item["path"], **item} for item in manifest["inputs"]], now["inputs"])
    return found if found or shard["whole"] == digest_of_whole(now) else ["the inputs of the shards changed"]


def digest_of_whole(plan: Plan) -> str:
    """What all shards of one dataset share, whatever machine each was made on."""
    files = [(item["name"], item["size"], item["fingerprint"]) for item in plan["inputs"]]
    values = json.dumps([files, plan["options"], plan["tokenizer"]])
    return hashlib.sha256(values.encode()).hexdigest()[:32]


def _changed_work(before: Work, now: Work) -> list[str]:
    found = [
        f"--{name.replace('_', '-')} was {before['options'].get(name)!r}, is {value!r}"
        for name, value in now["options"].items()
        if before["options"].get(name) != value
    ]
    found += _changed_tokenizer(before["tokenizer"], now["tokenizer"])
    if before["shard"] != now["shard"]:
        found.append("shard {} of {} was asked for, now {} of {}".format(*before["shard"], *now["shard"]))
    return found


def _changed_tokenizer(before: TokenizerIdentity, now: TokenizerIdentity) -> list[str]:
    if before["sha256"] != now["sha256"]:
        return [f"the tokenizer was another file (SHA-256 {before['sha256'][:12]}..., is {now['sha256'][:12]}...)"]
    if before["eod_token"] != now["eod_token"]:
        return [f"the end-of-document token was {before['eod_token']!r}, is {now['eod_token']!r}"]
    return []


def _changed_inputs(before: Sequence[Mapping[str, object]], now: Sequence[Mapping[str, object]]) -> list[str]:
    old, new = ({item["name"]: item for item in items} for items in (before, now))
    found = [f"input {name} is new" for name in new.keys() - old.keys()]
    found += [f"input {name} is gone" for name in old.keys() - new.keys()]
    for name in old.keys() & new.keys():
        for key, what in (("size", "size"), ("fingerprint", "contents"), ("mtime_ns", "time of change")):
            if key in old[name] and old[name][key] != new[name][key]:
                values = f" ({old[name][key]} bytes, now {new[name][key]})" if key == "size" else ""
                found.append(f"input {name}: its {what} changed{values}")
                break
    if not found and list(old) != list(new):
        found.append("the inputs come in another order")
    return sorted(found)
