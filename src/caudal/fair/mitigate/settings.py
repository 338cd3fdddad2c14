"""The kinds of terms, as a value of settings and as plain values."""

from dataclasses import asdict, replace
from typing import Any

from caudal.errors import InputError
from caudal.fair.mitigate.fairret import Fairret
from caudal.fair.mitigate.penalties import Lagrangian, Penalty
from caudal.fair.mitigate.soft_rates import CONSTRAINTS, OF_NUMBERS, events_of
from caudal.train import Examples

Fairness = Penalty | Lagrangian | Fairret
KINDS: dict[str, type[Penalty] | type[Lagrangian] | type[Fairret]] = {
    term.kind: term for term in (Penalty, Lagrangian, Fairret)
}


def settled(fairness: Fairness, classes: tuple[object, ...]) -> Fairness:
    """The term with its positive class as a code.

    Arguments:
        fairness: with a label, or None.
        classes: labels in the order of their codes; none where numbers are predicted.

    Raises:
        InputError: the constraint is not one of classes, or of numbers; the label is no class, or there are more than
            two classes and none is named.

    Example:
        >>> settled(Penalty(positive="ill"), ("ill", "well")).positive
        0
    """
    owner, listed = type(fairness).__name__, ", ".join(map(str, classes))
    of_numbers = fairness.constraint in OF_NUMBERS
    if of_numbers == bool(classes):
        kind, known = ("classes", CONSTRAINTS) if classes else ("numbers", OF_NUMBERS)
        fault = f"is {fairness.constraint!r}, and the model predicts {kind}"
        remedy = f"Pass one of {', '.join(map(repr, known))}."
        if not classes and isinstance(fairness, Fairret):
            remedy = "Pass a Penalty or a Lagrangian: fairret has terms of classes only."
        raise InputError(owner, "constraint", fault, remedy)
    if of_numbers:
        return fairness
    if fairness.positive is None:
        if len(classes) != 2:
            fault = f"is not named, and there are {len(classes)} classes: {listed}"
            raise InputError(owner, "positive", fault, "Name the class that is good to get, or bad.")
        return replace(fairness, positive=1)
    places = [
        k for k, label in enumerate(classes) if label == fairness.positive or str(label) == str(fairness.positive)
    ]
    if not places:
        raise InputError(owner, "positive", f"is {fairness.positive!r}; the classes are {listed}", "Name one of them.")
    return replace(fairness, positive=places[0])


def check_events(fairness: Fairness, data: Examples) -> None:
    """Refuse a constraint that has nothing to compare: fewer than two groups have rows of one of its events.

    Arguments:
        fairness: `settled`.
        data: training series in memory, with their groups.

    Raises:
        InputError: names the event.

    Example:
        >>> import torch
        >>> x, n, y = torch.zeros(4, 1, 1), torch.ones(4).long(), torch.tensor([1, 1, 0, 0])
        >>> data = Examples(x, x[:, :, 0], n, "classify", torch.ones(4), y, y >= 0, torch.tensor([0, 0, 1, 1]))
        >>> check_events(Penalty("demographic_parity", positive=1), data)
        >>> check_events(Penalty("equal_opportunity", positive=1), data)
        Traceback (most recent call last):
        ...
        caudal.errors.InputError: Penalty: `constraint` compares rows of the positive class, ...
    """
    known, groups = data.target_mask, data.groups
    if data.target is None or known is None or groups is None or fairness.constraint in OF_NUMBERS:
        return
    who = groups.view(-1, *[1] * (known.dim() - 1)).expand(known.shape)[known]
    names = ("of the positive class", "of the other classes")
    for event, name in zip(events_of(fairness.constraint, data.target[known], fairness.positive), names, strict=False):
        if len(set(who[event & (who >= 0)].tolist())) < 2:
            fault = f"compares rows {name}, of which fewer than two groups have any"
            remedy = 'Take "demographic_parity", join groups, or gather more series.'
            raise InputError(type(fairness).__name__, "constraint", fault, remedy)


def to_dict(fairness: Fairness) -> dict[str, object]:
    """Plain values that `from_dict` reads.

    Example:
        >>> from_dict(to_dict(Lagrangian(warm_up=2))) == Lagrangian(warm_up=2)
        True
    """
    return {"kind": fairness.kind, **asdict(fairness)}


def from_dict(given: dict[str, Any]) -> Fairness:
    """The term that `to_dict` wrote.

    Raises:
        KeyError, TypeError: it wrote no such thing.
    """
    values = dict(given)
    return KINDS[values.pop("kind")](**values)
