"""Every answer is one line of bounded length."""

import json
import math
import os

import pytest

from pointsman.dagster.channel import (
    MAX_ANSWER_BYTES,
    MAX_LINE_BYTES,
    AnswerTooLong,
    Channel,
    encode,
)


def test_a_short_message_stays_as_it_is() -> None:
    assert json.loads(encode({"kind": "log", "message": "short"})) == {
        "kind": "log",
        "message": "short",
    }


def test_a_long_text_is_cut_and_says_how_much_is_missing() -> None:
    line = encode({"kind": "log", "message": "é" * 2_000_000})
    assert len(line) <= MAX_LINE_BYTES
    assert json.loads(line)["message"].endswith("more characters]")


def test_many_long_texts_are_cut_more() -> None:
    error: dict[str, object] = {"message": "x" * 500_000, "cause": None}
    for _ in range(19):
        error = {"message": "x" * 500_000, "cause": error}
    line = encode({"kind": "failed", "error": error})
    assert len(line) <= MAX_LINE_BYTES
    assert json.loads(line)["error"]["cause"]["message"].startswith("xxxx")


def test_what_cannot_be_cut_is_left_out_and_said_to_be() -> None:
    line = encode({"kind": "materialization", "metadata": list(range(1_000_000))})
    assert json.loads(line) == {"kind": "materialization", "is_cut": True}


def test_what_is_no_number_in_json_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode({"kind": "log", "at": math.nan})


def test_an_answer_is_whole_or_not_at_all() -> None:
    reading, writing = os.pipe()
    with pytest.raises(AnswerTooLong):
        Channel(writing).answer({"kind": "definitions", "jobs": ["x" * MAX_ANSWER_BYTES]})
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_halves_of_surrogates_are_replaced_and_whole_ones_stay() -> None:
    line = encode({"kind": "log", "message": "a\ud800b \U0001f600 \\ud8"}).decode("ascii")
    assert json.loads(line)["message"] == "a\ufffdb \U0001f600 \\ud8"
