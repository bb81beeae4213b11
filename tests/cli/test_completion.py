"""Shell completion: the printed scripts, run by the shells themselves where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from basecaller.cli.completion import SHELLS
from basecaller.cli.main import VERBS, main


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def completed(line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """What bash offers for the last word of a command line, by the function that the script registers for it."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    (folder / ".completion").write_text(script("bash", capsys))
    program = """
        source .completion
        read -r -a COMP_WORDS <<<"$1"
        [[ "$1" == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        registered=$(complete -p "${COMP_WORDS[0]}") || exit 1
        [[ "$registered" =~ -F\\ ([^ ]+) ]]
        "${BASH_REMATCH[1]}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(["bash", "-c", program, "bash", line], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_bash_completes_options_choices_models_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "reads.pod5").touch()
    (tmp_path / "genome.fasta").touch()

    def offered(line: str) -> set[str]:
        return completed(line, tmp_path, capsys)

    assert offered("basecall --out") == {"--output", "--output-dir"}
    assert offered("basecall --format f") == {"fastq", "fastq.gz"}
    assert {"fast", "accurate", "r9.4.1_fast"} <= offered("basecall run --model ")
    assert offered("basecall --reference g") == {"genome.fasta"}
    assert offered("basecall r") == {"run", "reads.pod5"}
    assert offered("basecall --watch r") == {"run"}
    assert offered("basecall --device cu") == {"cuda", "cuda:all"}
    assert offered("basecaller ") >= set(VERBS)
    assert offered("basecaller sim") == {"simulate"}
    assert offered("basecaller simulate --genome-l") == {"--genome-length"}
    assert offered("basecaller models r9.4.1_f") == {"r9.4.1_fast"}


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_understand_their_script(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "script"
    path.write_text(script(shell, capsys))
    for word in ("basecall", "basecaller", "simulate", "watch-timeout", "accurate"):
        assert word in path.read_text()
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_mistyped_shell_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", "csh"])
    assert ended.value.code == 2
    assert "zsh" in capsys.readouterr().err
