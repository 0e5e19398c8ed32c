import pytest

from repo_runner.errors import InvalidInput
from repo_runner.script_name import files_of, module_at, module_of


@pytest.mark.parametrize(
    ("text", "module"),
    [("-m a.b", "a.b"), ("  -m   a ", "a"), ("train.py", ""), ("-model.py", ""), ("", "")],
)
def test_a_module_is_named_as_python_takes_it(text: str, module: str) -> None:
    assert module_of(text) == module


@pytest.mark.parametrize("text", ["-m", "-m a/b.py", "-m ..a", "-m a b", "-m a.b --lr 1", "-m a;b"])
def test_what_is_no_module_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        module_of(text)
    assert caught.value.field == "script_path"


def test_a_module_is_a_file_or_a_package_that_can_be_run() -> None:
    assert files_of("a.b") == ("a/b.py", "a/b/__main__.py")


@pytest.mark.parametrize(
    ("path", "module"),
    [("a/b.py", "a.b"), ("a/__main__.py", "a"), ("a-b/c.py", ""), ("__main__.py", "")],
)
def test_a_file_has_a_module_name_if_its_folders_are_names(path: str, module: str) -> None:
    assert module_at(path) == module
