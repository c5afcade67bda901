"""Preprocessing against the way Megatron-LM's tools/preprocess_data.py works, on one machine in one run.

    python benchmarks/preprocess.py --input corpus.jsonl.gz ... --tokenizer FOLDER --output benchmarks/results/X.json

The other side is, per document: json.loads, HF tokenizers' encode(text).ids as a Python list, Megatron's own
IndexedDatasetBuilder.add_document. One process reads, tokenises and writes on both sides; the outputs must be equal
byte for byte. Compared are `processing`, from the moment when tokenizers are loaded to complete files (Megatron-LM's
script, too, reports its "Time to startup" apart), in seconds of the clock and (`cpu`, which a busy machine disturbs
less) of all threads; and `process`, a whole process from its start to its end. The corpora at
hand are small; ten copies show what a longer run sees, in time and in memory (the highest resident size of a process).
"""

import argparse
import gzip
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from megatron_qm.observe.environment import cpu_name

ROOT = Path(__file__).resolve().parents[1]
_REPEATS_PER_ROUND = 3
_RATIOS = {"processing": "seconds", "processing_cpu": "cpu_seconds", "process": "process_seconds"}
_PACKAGES = ("megatron-core", "fastokens", "tokenizers", "orjson", "numpy", "torch")


def _per_document(path: str, tokenizer_folder: str, prefix: str) -> dict[str, Any]:
    """The other side; returns its seconds of processing."""
    import tokenizers
    from megatron.core.datasets.indexed_dataset import DType, IndexedDatasetBuilder

    sys.path.insert(0, str(ROOT))
    from data_tools.tokenizer import load_tokenizer, read_tokenizer_file  # only to unpack the file and find the EOD

    file = read_tokenizer_file(tokenizer_folder)
    eod = load_tokenizer(file, threads=1, append_eod=True, engine="hf").eod_id
    tokenizer = tokenizers.Tokenizer.from_str(file.text)
    began, cpu = time.perf_counter(), time.process_time()
    builder = IndexedDatasetBuilder(f"{prefix}.bin", dtype=DType.optimal_dtype(tokenizer.get_vocab_size()))
    opened = gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(path, encoding="utf-8")
    with opened as lines:
        for line in lines:
            ids = tokenizer.encode(json.loads(line)["text"], add_special_tokens=False).ids
            ids.append(eod)
            builder.add_document(ids, [len(ids)])
    builder.finalize(f"{prefix}.idx")
    return {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}


def _ours(path: str, tokenizer_folder: str, prefix: str, workers: int) -> dict[str, Any]:
    """Our side: `preprocess` with the time of loading taken out; samples are compared with HF as in any run."""
    sys.path.insert(0, str(ROOT))
    from data_tools import job, pipeline
    from data_tools.options import Options
    from data_tools.stopping import StopRequest

    loading = {"seconds": 0.0, "cpu_seconds": 0.0}
    kept: list[Any] = []  # freeing a tokenizer is no processing either; the other side's lives to its end

    def timed(load: Callable) -> Callable:
        def call(*arguments: Any, **options: Any) -> Any:
            began, cpu = time.perf_counter(), time.process_time()
            loaded = load(*arguments, **options)
            loading["seconds"] += time.perf_counter() - began
            loading["cpu_seconds"] += time.process_time() - cpu
            kept.append(loaded)
            return loaded

        return call

    pipeline.read_tokenizer_file = timed(pipeline.read_tokenizer_file)
    job.load_tokenizer = timed(job.load_tokenizer)
    began, cpu = time.perf_counter(), time.process_time()
    pipeline.preprocess(Options([path], prefix, tokenizer_folder, append_eod=True, workers=workers), StopRequest())
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return {"seconds": seconds - loading["seconds"], "cpu_seconds": cpu_seconds - loading["cpu_seconds"]}


def _child(side: str, path: str, tokenizer: str, prefix: str, workers: int) -> dict[str, Any]:
    """Run one side in a process of its own; adds seconds of the whole process and its peak memory in MiB."""
    command = [sys.executable, __file__, "--side", side, "--input", path, "--tokenizer", tokenizer,
               "--output", prefix, "--workers", str(workers)]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "process_seconds": time.perf_counter() - began}


def _measure(path: str, tokenizer: str, folder: Path, rounds: int, workers: list[int]) -> dict[str, Any]:
    """Both sides in turns; outputs compared byte for byte after every run of ours."""
    theirs: list[dict[str, Any]] = []
    ours: dict[int, list[dict[str, Any]]] = {count: [] for count in workers}
    for number in range(rounds):
        theirs.append(_child("per-document", path, tokenizer, f"{folder}/theirs", 1))
        for count in workers:
            repeats = []
            for repeat in range(_REPEATS_PER_ROUND):
                prefix = folder / f"ours-{count}-{number}-{repeat}"
                repeats.append(_child("ours", path, tokenizer, str(prefix), count))
                _check_equal(prefix, folder / "theirs")
            ours[count].append({key: statistics.median(run[key] for run in repeats) for key in repeats[0]})
    manifest = json.loads(Path(f"{prefix}.json").read_text())
    result: dict[str, Any] = {
        "corpus": Path(path).name,
        "documents": manifest["documents"],
        "tokens": manifest["tokens"],
        "text_bytes": manifest["inputs"][0]["bytes"],
        "bytes_equal": True,
        "per_document": _medians(theirs),
    }
    for count, runs in ours.items():
        result[f"ours_{count}_tokenizer_threads"] = {
            **_medians(runs),
            "text_mb_per_s": round(manifest["inputs"][0]["bytes"] / _medians(runs)["seconds"] / 1e6, 1),
            **{f"ratio_{name}": _ratios(theirs, runs, key) for name, key in _RATIOS.items()},
        }
    return result


def _check_equal(prefix: Path, theirs: Path) -> None:
    for kind in ("bin", "idx"):
        if Path(f"{prefix}.{kind}").read_bytes() != Path(f"{theirs}.{kind}").read_bytes():
            raise SystemExit(f"{prefix}.{kind}: not the bytes of the other side")
        os.unlink(f"{prefix}.{kind}")


def _medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    return {key: round(statistics.median(run[key] for run in runs), 4) for key in runs[0]}


def _ratios(theirs: list[dict[str, Any]], ours: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Their time over ours, round by round."""
    ratios = [round(one[key] / other[key], 1) for one, other in zip(theirs, ours, strict=True)]
    return {"median": statistics.median(ratios), "rounds": ratios}


def _tenfold(path: str, tokenizer: str, folder: Path, cores: int) -> dict[str, Any]:
    """Peak memory of the corpus and of ten copies, uncompressed; and the ratio at ten copies, measured on both sides."""
    data = gzip.open(path).read() if path.endswith(".gz") else Path(path).read_bytes()
    found = {}
    for copies in (1, 10):
        many = folder / f"copies-{copies}.jsonl"
        with open(many, "wb") as stream:
            for _ in range(copies):
                stream.write(data)
        run = _child("ours", str(many), tokenizer, f"{folder}/memory-{copies}", cores)
        found[f"{copies}x"] = {**_medians([run]), "text_mb_per_s": round(len(data) * copies / run["seconds"] / 1e6, 1)}
        if copies == 10:
            theirs = _child("per-document", str(many), tokenizer, f"{folder}/theirs-10", 1)
            _check_equal(folder / "memory-10", folder / "theirs-10")
            found["10x_per_document"] = _medians([theirs])
            found["10x_ratio_processing"] = round(theirs["seconds"] / run["seconds"], 1)
        many.unlink()
    found["growth"] = round(found["10x"]["peak_mib"] / found["1x"]["peak_mib"], 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="+", required=True, metavar="CORPUS", help="JSON lines, plain or .gz")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--output", required=True, metavar="RESULT.json")
    parser.add_argument("--rounds", type=int, default=3, help="in each, their side once and ours three times")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--side", choices=("ours", "per-document"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        work = (args.input[0], args.tokenizer, args.output)
        values = _ours(*work, args.workers) if args.side == "ours" else _per_document(*work)
        values["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(values))
        return
    result = {
        "benchmark": "preprocess",
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python benchmarks/preprocess.py --input {' '.join(Path(path).name for path in args.input)} "
        f"--tokenizer {Path(args.tokenizer).name}",
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
        "note": "one process on either side; HF encodes one document per call, in one thread; ours reads and writes in one "
        "thread while another parses and the tokenizer's own threads encode; medians of rounds, which alternate the sides; "
        "processing_cpu is the one that other work on the machine disturbs least",
        "results": [],
    }
    for path in args.input:
        with tempfile.TemporaryDirectory() as folder:
            measured = _measure(path, args.tokenizer, Path(folder), args.rounds, sorted({1, args.workers}))
            measured["tenfold"] = _tenfold(path, args.tokenizer, Path(folder), args.workers)
            result["results"].append(measured)
    Path(args.output).write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
