"""Who did what to whom: made-up facts that two names could each fill, told from either side.

The words of a right and a wrong telling are the same; only the roles differ. Relations that hold both ways
stand beside them, so that swapped names alone do not give the label away.
"""

from collections.abc import Iterator
from random import Random

from judge.contrast.made_up import PLACES, full_name

# Questions for {a}, questions for {b}, and tellings that mean the same.
PEOPLE_IN_ROLES = (
    (("Who beat {b}?", "Who won the final against {b}?"), ("Who did {a} beat?", "Who lost the final to {a}?"),
     ("{a} beat {b} in the final.", "{b} lost the final to {a}.", "{b} was beaten by {a} in the final.")),
    (("Who taught {b}?", "Who was the teacher of {b}?"), ("Who did {a} teach?", "Who was a pupil of {a}?"),
     ("{a} taught {b}.", "{b} was taught by {a}.", "{b} was a pupil of {a}.", "{a} was the teacher of {b}.")),
    (("Who sold the house to {b}?",), ("Who bought the house from {a}?", "Who did {a} sell the house to?"),
     ("{a} sold the house to {b}.", "{b} bought the house from {a}.", "The house was sold to {b} by {a}.")),
    (("Who wrote to {b}?",), ("Who did {a} write to?", "Who got a letter from {a}?"),
     ("{a} wrote a letter to {b}.", "{b} got a letter from {a}.", "A letter was sent to {b} by {a}.")),
    (("Who succeeded {b}?", "Who came after {b} in office?"),
     ("Who did {a} succeed?", "Who came before {a} in office?"),
     ("{a} succeeded {b} in office.", "{b} was succeeded by {a} in office.", "{b} preceded {a} in office.")),
    (("Who is older than {b}?",), ("Who is younger than {a}?",),
     ("{a} is older than {b}.", "{b} is younger than {a}.", "{a} was born before {b}.",
      "{b} was born after {a}.")),
    (("Who is the parent of {b}?",), ("Who is the child of {a}?",),
     ("{a} is the parent of {b}.", "{b} is the child of {a}.", "{b} was born to {a}.")),
    (("Who employs {b}?", "Who does {b} work for?"), ("Who works for {a}?", "Who does {a} employ?"),
     ("{a} employs {b}.", "{b} is employed by {a}.", "{b} works for {a}.")),
    (("Who rescued {b}?",), ("Who was rescued by {a}?",),
     ("{a} rescued {b} from the fire.", "{b} was rescued from the fire by {a}.")),
    (("Who painted the portrait of {b}?",), ("Whose portrait did {a} paint?",),
     ("{a} painted the portrait of {b}.", "The portrait of {b} was painted by {a}.",
      "{b} was painted by {a}.")),
    (("Who introduced {b}?",), ("Who was introduced by {a}?",),
     ("{a} introduced {b} to the guests.", "{b} was introduced to the guests by {a}.")),
    (("Who lent money to {b}?",), ("Who borrowed money from {a}?",),
     ("{a} lent money to {b}.", "{b} borrowed money from {a}.", "{b} was lent money by {a}.")),
    (("Who voted for {b}?",), ("Who did {a} vote for?",), ("{a} voted for {b}.", "{b} got the vote of {a}.")),
)  # fmt: skip
PLACES_IN_ROLES = (
    (("Which city lies north of {b}?",), ("Which city lies south of {a}?",),
     ("{a} lies north of {b}.", "{b} lies south of {a}.", "{a} is to the north of {b}.")),
    (("Which city is larger than {b}?",), ("Which city is smaller than {a}?",),
     ("{a} is larger than {b}.", "{b} is smaller than {a}.", "{b} is not as large as {a}.")),
    (("Where did the train leave from?",), ("Where did the train go to?",),
     ("The train went from {a} to {b}.", "The train went to {b} from {a}.", "The train left {a} for {b}.")),
    (("Which city was founded earlier than {b}?",), ("Which city was founded later than {a}?",),
     ("{a} was founded earlier than {b}.", "{b} was founded later than {a}.", "{b} is newer than {a}.")),
    (("Which city has more rain than {b}?",), ("Which city has less rain than {a}?",),
     ("{a} has more rain than {b}.", "{b} has less rain than {a}.", "{b} is drier than {a}.")),
    (("Where did the family move from?",), ("Where did the family move to?",),
     ("The family moved from {a} to {b}.", "The family left {a} and moved to {b}.")),
)  # fmt: skip
SYMMETRIC = (
    "{a} married {b}.", "{a} and {b} are twins.", "{a} met {b} in the park.",
    "{a} shares an office with {b}.",
    "{a} and {b} went to the same school.", "{a} plays chess with {b}.", "{a} is as tall as {b}.",
    "{a} lives next door to {b}.", "{a} works alongside {b}.", "The race was won by {a} and {b} together.",
)  # fmt: skip
PLACES_SHARE = 0.3
KINDS = ("other_side", "roles_swapped", "other_side_answer", "roles_swapped_answer", "both_ways")


def relation_pairs(*, seed: int, cap: int) -> Iterator[tuple[str, str, str, float, str, str]]:
    """(question, reference, candidate, label, kind, group), `cap` of each kind.

    Told from the other side, a fact is the same (label 1); with the roles swapped it is another (label 0),
    though it names the answer all the same. A relation that holds both ways stays the same (label 1).
    """
    rng = Random(f"{seed}/relations")
    for number in range(cap * len(KINDS)):
        kind = KINDS[number % len(KINDS)]
        a, b, (asking_a, asking_b, tellings) = roles(rng)
        if kind == "both_ways":
            a, b = _two_people(rng)
            form = rng.choice(SYMMETRIC)
            yield "", form.format(a=a, b=b), form.format(a=b, b=a), 1.0, kind, _group(a, b)
            continue
        swapped = kind.startswith("roles_swapped")
        telling, other_telling = rng.sample(tellings, 2)
        told = other_telling.format(a=b, b=a) if swapped else other_telling.format(a=a, b=b)
        question, reference = "", telling.format(a=a, b=b)
        if kind.endswith("answer"):
            ways, reference = rng.choice(((asking_a, a), (asking_b, b)))
            question = rng.choice(ways).format(a=a, b=b)
        yield question, reference, told, 0.0 if swapped else 1.0, kind, _group(a, b)


def roles(rng: Random) -> tuple[str, str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Two names, and what may be asked and told of them."""
    if rng.random() < PLACES_SHARE:
        a, b = rng.sample(PLACES, 2)
        return a, b, rng.choice(PLACES_IN_ROLES)
    return *_two_people(rng), rng.choice(PEOPLE_IN_ROLES)


def _two_people(rng: Random) -> tuple[str, str]:
    a = b = full_name(rng)
    while b == a:
        b = full_name(rng)
    return a, b


def _group(a: str, b: str) -> str:
    return f"relation: {a}, {b}"
