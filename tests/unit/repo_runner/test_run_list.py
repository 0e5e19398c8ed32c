import pytest

from repo_runner.errors import InvalidInput
from repo_runner.models import RunSpec
from repo_runner.run_list import MOST_COUNTED, RunQuery
from repo_runner.store import Changes, Store

NAMES = ["cedar", "Ash", "birch", "Dogwood", "elm"]


@pytest.fixture
def wood(store: Store) -> Store:
    """Five runs; two of them have a score, one has ended."""
    for number, name in enumerate(NAMES):
        store.add(f"run-{number}", spec(name), None)
    for run_id, score in (("run-1", 0.5), ("run-3", 0.25)):
        scored = Changes(columns={"best_model_score": score})
        store.apply(run_id, offset=0, next_offset=1, changes=scored)
    store.finish("run-0", status="failed", ended_at=1.0)
    return store


def spec(name: str, repo: str = "https://github.com/a/b") -> RunSpec:
    return RunSpec(repo_url=repo, commit_sha="0" * 40, script_path="train.py", name=name)


def names(store: Store, limit: int = 50, **asked: str) -> list[str]:
    return [row.name for row in store.page(RunQuery(**asked), limit).rows]


def every_page(store: Store, sort: str) -> list[str]:
    found, cursor = [], ""
    while cursor is not None:
        page = store.page(RunQuery(sort=sort, cursor=cursor), 2)
        found += [row.name for row in page.rows]
        cursor = page.next_cursor
    return found


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("-submitted", ["elm", "Dogwood", "birch", "Ash", "cedar"]),
        ("submitted", NAMES),
        ("name", ["Ash", "birch", "cedar", "Dogwood", "elm"]),
        ("-name", ["elm", "Dogwood", "cedar", "birch", "Ash"]),
        ("-score", ["Ash", "Dogwood", "elm", "birch", "cedar"]),
        ("score", ["Dogwood", "Ash", "cedar", "birch", "elm"]),
        ("duration", ["cedar", "Ash", "birch", "Dogwood", "elm"]),
        ("status", ["cedar", "Ash", "birch", "Dogwood", "elm"]),
    ],
)
def test_pages_of_any_order_follow_each_other_without_gap_or_repetition(
    wood: Store, sort: str, order: list[str]
) -> None:
    assert names(wood, sort=sort) == order
    assert every_page(wood, sort) == order


def test_a_run_that_comes_while_one_leafs_moves_nothing(wood: Store) -> None:
    first = wood.page(RunQuery(), 2)
    wood.add("run-new", spec("fir"), None)
    second = wood.page(RunQuery(cursor=first.next_cursor), 2)
    assert [row.name for row in (*first.rows, *second.rows)] == ["elm", "Dogwood", "birch", "Ash"]


def test_a_cursor_of_another_order_is_refused(wood: Store) -> None:
    cursor = wood.page(RunQuery(sort="name"), 2).next_cursor
    with pytest.raises(InvalidInput, match="cursor"):
        wood.page(RunQuery(sort="-name", cursor=cursor), 2)


def test_an_order_that_does_not_exist_is_said_with_those_that_do(wood: Store) -> None:
    with pytest.raises(InvalidInput, match="'colour'") as error:
        wood.page(RunQuery(sort="colour"), 2)
    assert "score" in error.value.hint_text


@pytest.mark.parametrize(
    ("q", "found"),
    [("ASH", 1), ("a/b", 5), ("a/b elm", 1), ("%", 0), ("el_", 0), ("run-2", 1), ("train.py", 5)],
)
def test_a_search_takes_its_words_literally_and_wants_all_of_them(
    wood: Store, q: str, found: int
) -> None:
    page = wood.page(RunQuery(q=q), 50)
    assert (len(page.rows), page.total, page.is_total_exact) == (found, found, True)


def test_a_search_with_many_hits_is_not_counted_to_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repo_runner.run_list.MOST_COUNTED", 3)
    for number in range(5):
        store.add(f"run-{number}", spec("oak"), None)
    page = store.page(RunQuery(q="oak"), 2)
    assert (len(page.rows), page.total, page.is_total_exact) == (2, 3, False)
    assert MOST_COUNTED >= 1000


def test_runs_are_found_by_who_submitted_them(wood: Store) -> None:
    wood.add("hers", spec("yew").model_copy(update={"submitted_by": "Ada"}), None)
    assert names(wood, q="by:ada") == ["yew"]
    assert names(wood, q="by:ad yew") == ["yew"]
    assert names(wood, q="by:bob") == []


def test_status_and_repository_narrow_the_list(wood: Store) -> None:
    wood.add("other", spec("yew", "https://github.com/c/d.git"), None)
    assert names(wood, repository="c/d") == ["yew"]
    assert names(wood, status="failed,stopped") == ["cedar"]


def test_the_counters_follow_every_change_of_a_status(wood: Store) -> None:
    wood.begin("run-1")
    assert wood.counts() == {"failed": 1, "pending": 3, "running": 1}
    assert wood.page(RunQuery(status="pending,running"), 1).total == 4
    wood.request_resume("run-0")
    wood.finish("run-1", status="failed")
    assert wood.remove("run-1")
    assert wood.counts() == {"pending": 4}
