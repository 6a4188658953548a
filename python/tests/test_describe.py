"""What a code location defines is told as it stands in the code."""

from pathlib import Path

from driver import describe, file_target, job_named


def test_a_job_is_described_with_its_steps_and_what_they_wait_for(tmp_path: Path) -> None:
    job = job_named(describe(file_target("diamond.py"), tmp_path), "diamond")
    after = {step["key"]: step["after"] for step in job["plan"]["steps"]}
    assert after == {
        "source": [],
        "doubled": ["source"],
        "with_ten": ["source"],
        "joined": ["doubled", "with_ten"],
    }
    assert job["run_tags"] == {"team": "docs"}
    assert job["plan"]["executor"]["kind"] == "multiprocess"
    assert job["plan"]["whole"] is None
