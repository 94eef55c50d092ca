"""Text in 27 symbols, whole passages held out."""

import pytest

from training.data.letters import ALPHABET, letters
from training.data.task import Split, Stream


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(f"Line {chr(97 + i)}: THE {'cat' * 5}, 42!" for i in range(20)))
    return str(path)


def words(part: Split | Stream) -> str:
    assert isinstance(part, Stream)
    return "".join(ALPHABET[t] for t in part.tokens.tolist())


def test_everything_else_is_one_space(source):
    task = letters(source, context=5)
    assert task.labels == tuple(" abcdefghijklmnopqrstuvwxyz")
    assert words(task.held_out).startswith("line ")
    assert " the catcatcatcatcat line " in words(task.train)
    assert "  " not in words(task.train)


def test_held_out_lines_are_whole_and_apart(source):
    task = letters(source, context=5, held_out=0.2)
    train, test = words(task.train), words(task.held_out)
    assert train.count("line") == 16
    assert test.count("line") == 4
    for letter in "abcdefghijklmnopqrst":
        assert (f"line {letter} " in train) != (f"line {letter} " in test)


def test_a_part_too_short_is_named(source):
    with pytest.raises(ValueError, match="context: wants windows of 500"):
        letters(source, context=500)
    with pytest.raises(ValueError, match="context and probe_windows"):
        letters(source, context=0)
