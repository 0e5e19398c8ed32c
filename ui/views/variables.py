"""The variables of a run as rows of the form: name, kind and value; a secret's value only ever comes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import SecretStr

from repo_runner import variables
from repo_runner.errors import InvalidInput
from repo_runner.masking import MIN_SECRET_CHARS
from repo_runner.models import RunSpec

Kind = Literal["plain", "secret", "operator"]
_KINDS: dict[str, Kind] = {"plain": "plain", "secret": "secret", "operator": "operator"}


@dataclass(frozen=True)
class Variable:
    """One row. The value of the kind `operator` is the name of the operator's variable."""

    row: str
    name: str = ""
    kind: Kind = "plain"
    value: str = field(default="", repr=False)
    #: An earlier run was given its value, which nobody can look up.
    is_sealed: bool = False


def of_spec(spec: RunSpec) -> tuple[Variable, ...]:
    """Return the rows of a run; of its secrets the names."""
    given: list[tuple[str, Kind, str]] = [
        *((name, "plain", value) for name, value in spec.env.items()),
        *((name, "secret", "") for name in spec.secret_env),
        *((name, "operator", source) for name, source in spec.secret_refs.items()),
    ]
    return tuple(
        Variable(f"given-{at}", name, kind, value, is_sealed=kind == "secret")
        for at, (name, kind, value) in enumerate(given)
    )


def edited(rows: Iterable[Variable], sent: Iterable[Mapping[str, Any]]) -> tuple[Variable, ...]:
    """Return the rows as the page has them; a secret whose value does not come again keeps the one it has."""
    known = {row.row: row for row in rows}
    return tuple(_edited(known.get(str(one["row"])), one) for one in sent)


def _edited(old: Variable | None, sent: Mapping[str, Any]) -> Variable:
    name, value = str(sent["name"]).strip(), str(sent["value"])
    kind = _KINDS.get(str(sent["kind"]), "plain")
    if kind == "plain" and variables.is_secret(name):
        kind = "secret"
    if kind == "operator" and not name:
        name = value
    row = Variable(str(sent["row"]), name, kind, value)
    if old is None or kind != "secret" or old.kind != "secret":
        return row
    return replace(row, value=value or old.value, is_sealed=old.is_sealed)


def without_secrets(rows: Iterable[Variable]) -> tuple[Variable, ...]:
    """Return the rows after they were submitted: the values of secrets are forgotten here."""
    return tuple(
        replace(row, value="", is_sealed=True) if row.kind == "secret" else row for row in rows
    )


def problems(rows: Sequence[Variable], offered: Sequence[str]) -> list[str]:
    """Return what is wrong with each row, in a sentence; nothing for one that is as it should be."""
    return [_problem(row, rows[:at], offered) for at, row in enumerate(rows)]


def _problem(row: Variable, before: Sequence[Variable], offered: Sequence[str]) -> str:
    if not row.name:
        return "Give it a name, such as SEED." if row.value else ""
    try:
        variables.check_env({row.name: row.value})
        if row.kind == "operator" and row.value:
            variables.check_secret_refs({row.name: row.value}, {}, dict.fromkeys(offered, ""))
    except InvalidInput as error:
        return f"{error.message} {error.hint_text}".strip()
    if row.name in {other.name for other in before}:
        return f"{row.name} is given twice. Keep one of them."
    if row.value or row.kind == "plain":
        return ""
    if row.kind == "operator":
        return "Choose which variable of the operator it is."
    if row.is_sealed:
        return "Its value is sealed in the run it was given to. Write it again, or remove the row."
    return "Give it a value."


def of_submission(rows: Sequence[Variable], offered: Sequence[str]) -> dict[str, Any]:
    """Return these parts of a submission, from the rows that are as they should be."""
    wrong = problems(rows, offered)
    good = [row for row, problem in zip(rows, wrong, strict=True) if row.name and not problem]
    return {
        "env": {row.name: row.value for row in good if row.kind == "plain"},
        "secret_env": {row.name: SecretStr(row.value) for row in good if row.kind == "secret"},
        "secret_refs": {row.name: row.value for row in good if row.kind == "operator"},
    }


def require_all(rows: Sequence[Variable], offered: Sequence[str]) -> None:
    """Raise InvalidInput unless every row is as it should be: none is left out unasked."""
    for row, problem in zip(rows, problems(rows, offered), strict=True):
        if problem:
            name = f"The variable {row.name}" if row.name else "A variable without a name"
            raise InvalidInput(
                f"{name} has to be mended first, or removed.", field="variables", hint=""
            )


def shown(rows: Sequence[Variable], offered: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows for the page: never a secret's value."""
    return [
        {
            "row": row.row,
            "name": row.name,
            "kind": row.kind,
            "value": "" if row.kind == "secret" else row.value,
            "given": row.kind == "secret" and bool(row.value),
            "forced": row.kind == "secret" and variables.is_secret(row.name),
            "error": problem,
            "note": "" if problem else _note(row),
        }
        for row, problem in zip(rows, problems(rows, offered), strict=True)
    ]


def _note(row: Variable) -> str:
    if row.kind == "secret" and len(row.value) < MIN_SECRET_CHARS:
        return f"Too short to be masked in the log: that takes {MIN_SECRET_CHARS} characters."
    if row.kind == "operator":
        return "The operator's value, taken when the run starts; never shown."
    return ""
