"""Checks of prediction: results, bad inputs, engines, model folders, the command line."""

from __future__ import annotations

import json
import math
import shutil
from typing import Any

from cnntasks.errors import InputError
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.folder import verify_folder
from cnntasks.pipeline import find_model, load
from cnntasks.testing.subject import ContractError, Subject, require, run, violated


def results_are_plain_and_repeatable(subject: Subject) -> None:
    """`to_dict` is JSON, `to_rows` has the predictor's columns, and twice gives the same.

    Raises:
        ContractError: one of these does not hold.
    """
    made = load(subject.task, subject.model)
    first, second = made(subject.value), made(subject.value)
    for result in (first, second):
        for method in ("to_dict", "to_rows"):
            require(
                callable(getattr(result, method, None)),
                f"the result, a {type(result).__name__}, has no {method}()",
            )
    record = first.to_dict()
    with violated("to_dict() is not made of plain JSON types"):
        text = json.dumps(record, allow_nan=False)
    require(json.loads(text) == _listed(record), "to_dict() changes on its way through JSON")
    require(
        _listed(record) == _listed(second.to_dict()),
        "the same input gives two results; seed what is random",
    )
    columns = list(made.predictor.columns)
    for row in first.to_rows():
        missing = [column for column in columns if column not in row]
        require(not missing, f"a row of to_rows() lacks the columns {', '.join(missing)}")


def bad_inputs_stop_nothing(subject: Subject) -> None:
    """An input that cannot be used is an `InputError` that names it, and the others go on.

    Raises:
        ContractError: it raises something else, gives a result, or stops the stream.
    """
    made = load(subject.task, subject.model)
    bad = subject.bad_value
    with violated("a bad input among good ones ends the stream; raise InputError in decode()"):
        outcomes = list(made.stream([subject.value, bad, subject.value]))
    require(len(outcomes) == 3, f"three inputs have {len(outcomes)} outcomes")
    for place in (0, 2):
        error = outcomes[place].error
        require(error is None, f"a good input beside a bad one fails: {error}")
    found = outcomes[1]
    require(
        found.error is not None, "an input that cannot be used gives a result; raise InputError"
    )
    require(
        isinstance(found.error, InputError),
        f"a bad input gives {type(found.error).__name__}; raise InputError",
    )
    message = str(found.error)
    require(len(message.splitlines()) == 1, f"the message has several lines: {message!r}")
    require(
        found.source.name in message,
        f"the message does not name the input {found.source.name!r}: {message!r}",
    )


def engines_agree(subject: Subject) -> None:
    """ONNX Runtime and torch give the same result but for rounding.

    Raises:
        ContractError: they differ by more than the tolerance, or one of them does not run.
    """
    records = {}
    for engine in ("onnx", "torch"):
        with violated(f"the engine {engine} does not run"):
            made = load(subject.task, subject.model, engine=engine, device="cpu")
            records[engine] = made(subject.value).to_dict()
    where = _difference(records["onnx"], records["torch"], subject.tolerance)
    require(where is None, f"ONNX Runtime and torch differ in {where}")


def model_folder_travels(subject: Subject) -> None:
    """A copy of the model folder elsewhere is whole and predicts the same.

    Raises:
        ContractError: the card does not survive, the copy is not whole, or says something else.
    """
    with violated("the model cannot be found"):
        folder = find_model(subject.task, subject.model)
    copy = subject.work / "copied-model"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("run"))
    card = read_card(copy)
    require(card.task == subject.task, f"the card is one for {card.task!r}")
    require(
        ModelCard.from_json(card.to_json(), str(copy)) == card,
        "the card changes when it is written and read",
    )
    damage = verify_folder(copy)
    require(not damage, f"the model folder is not whole: {'; '.join(map(str, damage))}")
    if subject.spec.predictor is not None:
        ours, theirs = (load(subject.task, it)(subject.value).to_dict() for it in (folder, copy))
        require(_listed(ours) == _listed(theirs), "a copy of the model folder gives another result")


def verb_works(subject: Subject) -> None:
    """The verb prints a JSON record of the sample, which says its source, and ends with status 0.

    Raises:
        ContractError: status or records are not so.
    """
    title = f"cnntasks {subject.task}"
    done = run(subject.work, subject.task, subject.argument, *_options(subject))
    require(done.status == 0, f"{title} SAMPLE ends with status {done.status}: {done.told()}")
    records = _records(title, done.out)
    require(len(records) == 1, f"{title} SAMPLE prints {len(records)} records")
    require("source" in records[0], f"{title}: a record does not say its source")


def verb_reports_bad_inputs(subject: Subject) -> None:
    """With a bad input beside a good one: status 1, one line that names it, the other's record.

    What the predictor makes of it is the business of `bad_inputs_stop_nothing`.

    Raises:
        ContractError: it is not so.
    """
    try:
        load(subject.task, subject.model)(subject.bad_value)
    except InputError:
        pass
    except Exception:
        return
    else:
        return
    title = f"cnntasks {subject.task}"
    done = run(
        subject.work, subject.task, subject.argument, subject.bad_argument(), *_options(subject)
    )
    require(done.status == 1, f"{title} SAMPLE BAD ends with status {done.status}, not 1")
    require(len(_records(title, done.out)) == 1, f"{title}: a bad input stops the good one")
    require("Traceback" not in done.err, f"{title}: a bad input gives a traceback")
    require(len(done.err.splitlines()) == 1, f"{title}: not one line on the bad input: {done.err}")


def verb_runs(subject: Subject) -> None:
    """For a verb without a predictor: it ends with status 0 and without a traceback.

    Raises:
        ContractError: it does not.
    """
    inputs = (subject.argument,) if subject.sample else ()
    model = () if subject.model is None else ("--model", subject.model)
    done = run(subject.work, subject.task, *inputs, *model, *subject.options)
    require(
        done.status == 0,
        f"cnntasks {subject.task} ends with status {done.status}: {done.told()}",
    )


def _options(subject: Subject) -> tuple[str, ...]:
    model = () if subject.model is None else ("--model", subject.model)
    return (*model, *subject.options, "--format", "json", "-q")


def _records(title: str, text: str) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError as error:
        raise ContractError(
            f"{title} --format json prints what is no JSON: {text[:200]!r}"
        ) from error


def _listed(value: Any) -> Any:
    """Tuples as the lists that JSON makes of them."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


def _difference(first: Any, second: Any, tolerance: float, where: str = "") -> str | None:
    """Where two records differ, by their keys; None if they agree."""
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            return f"{where}: {sorted(first)} and {sorted(second)}"
        pairs = [(f"{where}.{key}".lstrip("."), first[key], second[key]) for key in first]
    elif isinstance(first, list | tuple) and isinstance(second, list | tuple):
        if len(first) != len(second):
            return f"{where}: {len(first)} and {len(second)} entries"
        pairs = [(f"{where}[{n}]", *pair) for n, pair in enumerate(zip(first, second, strict=True))]
    elif isinstance(first, float) or isinstance(second, float):
        near = math.isclose(first, second, rel_tol=tolerance, abs_tol=tolerance)
        return None if near else f"{where}: {first} and {second}"
    else:
        return None if first == second else f"{where}: {first!r} and {second!r}"
    return next((it for p in pairs if (it := _difference(p[1], p[2], tolerance, p[0]))), None)
