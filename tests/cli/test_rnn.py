"""``rnn train``, ``rnn valid`` and ``rnn generate`` from end to end, on tiny networks and a text with a pattern."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from tests.cli.trainings import Run, change, clear, log, one_error, outcome

CFG = """
[net]
inputs=128
batch=8
subdivisions=2
time_steps=12
momentum=0.9
decay=0.0005
learning_rate={rate}
policy=steps
steps=30
scales=.3
max_batches={iterations}

[{name}]
output=24
{options}

[connected]
output=128
activation=linear

[softmax]

[cost]
type=sse
"""
OPTIONS = {"rnn": "hidden=24\nactivation=tanh", "gru": "tanh=1", "lstm": ""}
WORDS = ("abcd ", "efg hi ", "jkl.\n", "mno ")
TEXT = "".join(WORDS[(i * i + i // 3) % 4] for i in range(400))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with text.txt, other.txt and net.cfg."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "other.txt").write_text(TEXT[500:900])
    write_cfg(tmp_path, "gru", 4)
    return tmp_path


def write_cfg(folder: Path, name: str, iterations: int) -> None:
    text = CFG.format(name=name, options=OPTIONS[name], iterations=iterations, rate={"rnn": 0.3}.get(name, 1))
    (folder / "net.cfg").write_text(text)


def train(*words: str) -> tuple[str, ...]:
    return "rnn", "train", "net.cfg", *words, "-file", "text.txt", "-threads", "1"


def perplexities(said: str) -> list[float]:
    return [float(value) for value in re.findall(r" epochs, ([\d.]+) perplexity", said)]


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_a_network_learns_a_text_and_writes_it(work: Path, run: Run, name: str) -> None:
    write_cfg(work, name, 40)
    trained = run(*train("-valid", "other.txt", "-every", "20"))
    assert trained.status == 0, trained.err
    for said in (
        "128 symbols\n",
        f"text: {len(TEXT)} symbols; perplexity is measured on 400 others\n",
        "batch 96: 12 time steps of 4 streams, in 2 mini-batches\n",
        f"40 iterations, {40 * 96 / len(TEXT):.1f} times the whole text\n",
        "(next likelihood calculation at 20 iterations)\n",
        "trained: backup/net_final.weights\n",
    ):
        assert said in trained.out
    first, *_, last = perplexities(trained.out)
    assert 60 < first < 200 and last < 3
    assert (work / "backup/chart_net.png").stat().st_size > 1000
    rows = log(work / "backup")
    assert [row["iteration"] for row in rows if row["likelihood"]] == ["20", "40"]
    valid = run("rnn", "valid", "net.cfg", "backup/net_final.weights", "-file", "other.txt", "-seed", "x")
    found = re.match(r"399 Perplexity: ([\d.]+)    Word Perplexity: ([\d.]+)\n399 symbols, [\d.]+ % ", valid.out)
    assert found and 1 < float(found[1]) < 4 and float(found[2]) > float(found[1])
    words = ("rnn", "generate", "net.cfg", "backup/net_best.weights", "-len", "60", "-srand", "1", "-seed", "abc")
    written = run(*words)
    assert written.status == 0 and written.out.startswith("abcd ") and len(written.out) == 64
    assert run(*words).out == written.out
    assert run(*words, "-temp", "0").out == run(*words, "-temp", "0", "-srand", "2").out


def test_a_training_that_is_taken_up_goes_on_as_if_it_had_not_stopped(work: Path, run: Run) -> None:
    write_cfg(work, "lstm", 7)
    assert run(*train("-seed", "3", "-valid", "other.txt", "-every", "2")).status == 0
    expected = outcome(work / "backup")
    clear(work / "backup")
    change(work / "net.cfg", "max_batches=7", "max_batches=4")
    assert run(*train("-seed", "3", "-valid", "other.txt", "-every", "2")).status == 0
    change(work / "net.cfg", "max_batches=4", "max_batches=7")
    again = run(*train("backup/net_last.weights", "-valid", "other.txt", "-every", "2"))
    assert "goes on behind iteration 4 as if it had not stopped" in again.out
    assert outcome(work / "backup")["final"] == expected["final"]


def test_standard_input_and_tokens(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "text.txt").write_text(" ".join(str(i % 5) for i in range(200)))
    (work / "words").write_text("one\ntwo\nthree\nfour\n<NEWLINE>\n")
    assert run(*train("-tokenized")).status == 0
    weights = ("net.cfg", "backup/net_final.weights", "-tokens", "words")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"3 4 0 1")))
    assert run("rnn", "valid", *weights, "-tokenized").out.startswith("3 Perplexity: ")
    written = run("rnn", "generate", *weights, "-len", "3", "-seed", "two three", "-srand", "0").out
    assert written.startswith("two three ") and len(written.split(" ")) == 6
    assert run("rnn", "generate", *weights, "-len", "0").out == "one \n"
    assert "has no token 'six'" in one_error(run("rnn", "generate", *weights, "-seed", "six"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-file", "none.txt"), "none.txt: can't be read: No such file"),
        (("-file", "empty"), "empty: has 0 symbols"),
        (("-file", "high"), "high: symbol 200 at place 1: the network knows 0 to 127"),
        (("-file", "text.txt", "-tokenized"), "text.txt: isn't a list of tokens' numbers"),
        (("-file", "text.txt", "-valid", "none"), "none: can't be read"),
        ((), "the following arguments are required: -file"),
    ],
)
def test_wrong_files(work: Path, run: Run, words: tuple[str, ...], message: str) -> None:
    (work / "empty").write_text("")
    (work / "high").write_bytes(bytes([1, 200, 3]))
    assert message in one_error(run("rnn", "train", "net.cfg", *words))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("output=128", "output=100", "128 come in, 100 out"),
        ("max_batches=4", "max_batches=0", "needs max_batches"),
        ("[softmax]\n\n[cost]\ntype=sse\n", "", "has no layer with a loss"),
    ],
)
def test_networks_that_are_no_models_of_text(work: Path, run: Run, old: str, new: str, message: str) -> None:
    change(work / "net.cfg", old, new)
    assert message in one_error(run(*train()))


def test_what_cannot_begin_a_text(work: Path, run: Run) -> None:
    assert run(*train()).status == 0
    for seed in ("", "\u00e9"):
        result = run("rnn", "generate", "net.cfg", "backup/net_final.weights", "-seed", seed)
        assert "needs at least one symbol" in one_error(result)


def test_the_folder_of_a_run(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DARKNET_PY_NO_RUN")
    assert run(*train("-name", "mine", "-valid", "other.txt", "-every", "2", "-patience", "1")).status == 0
    left = {path.name for path in (work / "runs/train/mine").iterdir()}
    assert {"README.txt", "log.csv", "chart.png", "weights", "inputs"} <= left
