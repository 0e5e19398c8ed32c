import pytest

from repo_runner import diagnosis, errors, intake
from repo_runner.errors import InvalidInput
from repo_runner.failure_codes import FAILURE_CODES
from repo_runner.lifecycle import SUPERVISOR_LOST
from repo_runner.models import Retries


def test_A4_arguments_are_split_like_a_shell_and_never_run_by_one() -> None:
    assert intake.split_arguments("--name 'a b' ; $(rm -rf /)") == (
        "--name", "a b", ";", "$(rm", "-rf", "/)",
    )  # fmt: skip


def test_words_that_come_as_a_list_stay_as_they_are() -> None:
    assert intake.split_arguments(["a b", ""]) == ("a b", "")


@pytest.mark.parametrize("text", ["--name 'open", 'say "hi', "back\\"])
def test_A4_an_open_quote_names_the_field(text: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be split") as caught:
        intake.split_arguments(text)
    assert caught.value.field == "script_args"


@pytest.mark.parametrize(
    "path", ["/etc/x.py", "../x.py", "a/../../x.py", "a\\b.py", "a//b.py", "x.py\0"]
)
def test_A3_a_path_outside_the_repository_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        intake.check_script_path(path)
    assert caught.value.field == "script_path"


def test_A3_a_script_that_is_no_python_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not a Python file"):
        intake.check_script_path("train.sh")


@pytest.mark.parametrize(
    ("times", "codes", "field"),
    [
        (1, (), "retries.error_codes"),
        (0, ("supervisor_lost",), "retries.times"),
        (1, ("bad_luck",), "retries.error_codes"),
    ],
)
def test_retry_rules_that_could_never_apply_are_refused(
    times: int, codes: tuple[str, ...], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        intake.check_retries(Retries(times=times, error_codes=codes))
    assert caught.value.field == field


def test_every_code_that_errors_and_diagnosis_give_a_run_can_be_retried() -> None:
    steps = [errors.SourceError, errors.BuildFailed, errors.DiskFull]
    of_errors = {c.code for parent in steps for c in [parent, *parent.__subclasses__()]}
    of_causes = {cause.code for cause in diagnosis._CAUSES}
    assert of_errors | of_causes | {SUPERVISOR_LOST.error_code} <= FAILURE_CODES
