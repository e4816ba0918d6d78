"""Right and wrong answers to made-up questions, where an edit of a real answer cannot be sure of its label.

Choices, yes and no in other words, whole statements, signs, initials, lists, sources, two-part answers: each
form is written with names that mean nothing, so that only what is said of them can be learnt.
"""

from collections.abc import Callable, Iterator
from random import Random

from judge.contrast.amounts import in_words
from judge.contrast.answers import MONTHS
from judge.contrast.made_up import COLOURS, FOODS, JOBS, PLACES, THINGS, full_name
from judge.contrast.relations import roles

Answers = tuple[str, str, tuple[str, ...], tuple[str, ...]]
"""Question, reference, right candidates, wrong candidates."""
QUALITIES = (
    ("bigger", "smaller"), ("older", "newer"), ("heavier", "lighter"), ("hot", "cold"), ("wet", "dry"),
    ("rising", "falling"), ("open", "closed"), ("left", "right"), ("before noon", "after noon"),
    ("by train", "by boat"), ("cheap", "expensive"), ("alive", "dead"), ("a loan", "a gift"),
    ("indoors", "outdoors"), ("won", "lost"), ("above the shop", "below the shop"), ("male", "female"),
    ("northern", "southern"), ("odd", "even"), ("married", "single"), ("an island", "a peninsula"),
)  # fmt: skip
CHOICES = (
    "Is {n} {a} or {b}?", "Was {n} {a} or {b}?", "{a} or {b}: what is {n}?",
    "Would you call {n} {a} or {b}?", "Is it true that {n} is {a}, or is it {b}?",
)  # fmt: skip
BOTH_NAMED = (
    "{a} or {b}", "{b} or {a}", "{a}, {b}", "either {a} or {b}", "It is {a} or {b}.", "{a}/{b}", "{b}, {a}",
    "Both {a} and {b}.", "It may be {a}, it may be {b}.", "One of the two: {a} or {b}.",
    "Well, either {b} or {a}.", "{a} and {b}", "{a}? {b}?", "It's {b} or {a}, depending on whom you ask.",
)  # fmt: skip
ASKING_FOR_ALL = (
    "Who did it to whom?", "Which of them did it, {a} or {b}?",
    "What happened?", "Who did what?", "What does the note say?", "What is said of {a} and {b}?",
    "What do we know about {a}?", "What is the connection of {a} and {b}?", "What was reported?",
    "How do {a} and {b} stand to each other?", "What is true of {b}?",
)  # fmt: skip
YES = ("Yes.", "Yes, that's true.", "That is right.", "Indeed.", "It is so.", "Right.")
NO = (
    "No.",
    "No, that's false.",
    "That is not right.",
    "It is not so.",
    "Not so.",
    "No, it is the other way round.",
)
COMPARED = (
    ("deeper", "shallower"), ("older", "younger"), ("larger", "smaller"), ("faster", "slower"),
    ("heavier", "lighter"), ("warmer", "colder"), ("richer", "poorer"), ("longer", "shorter"),
    ("stronger", "weaker"), ("louder", "quieter"), ("denser", "thinner"), ("wetter", "drier"),
    ("higher", "lower"), ("cheaper", "dearer"), ("wider", "narrower"), ("safer", "riskier"),
)  # fmt: skip
SHARES = (
    ("50%", "half", "half of them", "one in two", "50 percent", "1/2"),
    ("25%", "a quarter", "one in four", "25 percent", "1/4"),
    ("20%", "a fifth", "one in five", "20 per cent", "1/5"),
    ("75%", "three quarters", "three in four", "75 percent", "3/4"),
    ("10%", "a tenth", "one in ten", "10 per cent", "1/10"),
    ("40%", "two fifths", "two in five", "40 percent", "2/5"),
    ("5%", "one in twenty", "5 percent", "1/20"),
    ("60%", "three fifths", "three out of five", "60 percent"),
    ("12", "a dozen", "twelve"), ("24", "two dozen", "twenty-four"), ("6", "half a dozen", "six"),
    ("20", "a score", "twenty"), ("2", "a pair", "two"), ("48", "four dozen", "forty-eight"),
)  # fmt: skip
MEASURED_BELOW_ZERO = (
    "What was the temperature at night in {c}, in degrees?", "What is the balance of {n}'s account?",
    "By how many points did the index of {c} change?", "What is the elevation of {c} in metres?",
    "What was the score of {n} after the last round?",
)  # fmt: skip
BODIES = (
    "National", "Royal", "Northern", "Central", "United", "General", "Western", "Public", "Federal",
)  # fmt: skip
FIELDS = (
    "Energy",
    "Fisheries",
    "Housing",
    "Railway",
    "Science",
    "Timber",
    "Youth",
    "Water",
    "Language",
    "Map",
)
KINDS_OF_BODY = (
    "Council",
    "Office",
    "Union",
    "Authority",
    "Board",
    "Institute",
    "League",
    "Society",
    "Trust",
)
SAYING = (
    "{n} says that {s}.", "As {n} puts it, {s}.", "In the words of {n}, {s}.", "{n} claims that {s}.",
    "{S}, according to {n}.", "According to {n}, {s}.",
)  # fmt: skip
STATEMENTS = (
    "the bridge at {c} is safe", "the mayor of {c} has resigned", "prices in {c} will fall",
    "the factory in {c} must close", "the water of {c} is clean", "the old map of {c} is a forgery",
    "rents in {c} have doubled", "the railway to {c} pays for itself", "the festival in {c} was a failure",
)  # fmt: skip
ENUMERATED = (
    ("Which {k} towns does the line pass?", PLACES), ("Name the {k} colours of the sign.", COLOURS),
    ("What are the {k} ingredients?", FOODS), ("Which {k} things were stolen?", THINGS),
    ("What {k} trades did the family have?", JOBS), ("Which {k} cities bid for the games?", PLACES),
)  # fmt: skip


def choice(rng: Random) -> Answers:
    """One of two, as asked; naming both chooses nothing."""
    a, b = rng.sample(rng.choice(QUALITIES), 2)
    name = rng.choice((full_name(rng), f"the {rng.choice(THINGS)}", rng.choice(PLACES)))
    asked = rng.choice(CHOICES).format(n=name, a=a, b=b)
    answer, other = rng.sample((a, b), 2)
    both = tuple(form.format(a=a, b=b) for form in BOTH_NAMED)
    right = (
        answer,
        f"It is {answer}.",
        f"{answer}, not {other}",
        f"I would say {answer}.",
        f"Not {other}, {answer}.",
    )
    wrong = (other, f"It is {other}.", f"{other}, not {answer}", asked, *rng.sample(both, 8))
    return asked, answer, right, wrong


def yes_or_no(rng: Random) -> Answers:
    """Yes or no, said by telling the fact again or its reverse."""
    a, b, (_, _, tellings) = roles(rng)
    one, *others = (telling.rstrip(".") for telling in rng.sample(tellings, len(tellings)))
    asked = f"Is it true that {one.format(a=a, b=b)}?".replace("that The", "that the")
    so = (*YES, *(f"{telling.format(a=a, b=b)}." for telling in others))
    not_so = (*NO, *(f"{telling.format(a=b, b=a)}." for telling in (one, *others)))
    return (asked, "Yes", so, not_so) if rng.random() < 0.5 else (asked, "No", not_so, so)


def statement(rng: Random) -> Answers:
    """A whole statement as the answer: told from the other side, or with the roles swapped."""
    a, b, (_, _, tellings) = roles(rng)
    reference, *others = rng.sample(tellings, len(tellings))
    asked = rng.choice(ASKING_FOR_ALL).format(a=a, b=b)
    right = tuple(telling.format(a=a, b=b) for telling in others)
    wrong = tuple(telling.format(a=b, b=a) for telling in tellings)
    told = reference.format(a=a, b=b)
    return asked, told if rng.random() < 0.5 else told.rstrip("."), right, wrong


def comparison(rng: Random) -> Answers:
    """Which of two is more: the other is less, and not the other way round."""
    a, b = (
        (f"the {thing}" for thing in rng.sample(THINGS, 2)) if rng.random() < 0.4 else rng.sample(PLACES, 2)
    )
    more, less = rng.sample(rng.choice(COMPARED), 2)
    so = _sentences(
        f"{b} is {less} than {a}", f"{a} is {more} than {b}", f"{a} is the {more} of the two",
        f"Of the two, {b} is the {less} one", f"{a} is {more}",
    )  # fmt: skip
    not_so = _sentences(
        f"{b} is {more} than {a}", f"{a} is {less} than {b}", f"{b} is the {more} of the two",
        f"Of the two, {a} is the {less} one", f"{b} is {more}",
    )  # fmt: skip
    ways = (
        (f"How do {a} and {b} compare?", so[1].rstrip("."), so, not_so),
        (
            f"Is {a} {more} than {b}?",
            "Yes",
            (*so, f"It is {more}.", "It is."),
            (*not_so, f"It is {less}.", "It is not."),
        ),
        (
            f"Is {b} {more} than {a}?",
            "No",
            (*so, f"It is {less}.", "It is not."),
            (*not_so, f"It is {more}.", "It is."),
        ),
    )
    return rng.choice(ways)


def share(rng: Random) -> Answers:
    """A share or a round number, in other words."""
    same, other, third = rng.sample(SHARES, 3)
    reference, *right = rng.sample(same, len(same))
    amount = "share" if same[0].endswith("%") else "number"
    things = rng.choice(("voters", "pupils", "ships", "books", "trees"))
    asked = f"What {amount} of the {things} in {rng.choice(PLACES)} was lost?"
    return asked, reference, tuple(right), (*other, *third)


def sign(rng: Random) -> Answers:
    """A number below zero, and what is said of it above."""
    size = rng.randint(2, 60)
    asked = rng.choice(MEASURED_BELOW_ZERO).format(c=rng.choice(PLACES), n=full_name(rng))
    below = (
        f"minus {size}",
        f"minus {in_words(size)}",
        f"{size} below zero",
        f"It was -{size}.",
        f"negative {size}",
    )
    above = (
        str(size),
        f"+{size}",
        f"plus {size}",
        in_words(size),
        f"{size} above zero",
        f"-{size + 10}",
        "0",
    )
    return asked, f"-{size}", below, above


def initials(rng: Random) -> Answers:
    """A body by its initials."""
    words = [rng.choice(part) for part in (BODIES, FIELDS, KINDS_OF_BODY)]
    other = [rng.choice(part) for part in (BODIES, FIELDS, KINDS_OF_BODY)]
    while [word[0] for word in other] == [word[0] for word in words]:
        other = [rng.choice(part) for part in (BODIES, FIELDS, KINDS_OF_BODY)]
    asked = f"Which body did {full_name(rng)} {rng.choice(('lead', 'found', 'join', 'sue', 'leave'))}?"
    name, stranger = " ".join(words), " ".join(other)
    short, other_short = ("".join(word[0] for word in body) for body in (words, other))
    if rng.random() < 0.5:
        return (
            asked,
            name,
            (short, f"the {short}", f"It was the {short}."),
            (other_short, f"the {other_short}"),
        )
    return asked, short, (name, f"the {name}", f"It was the {name}."), (stranger, f"the {stranger}")


def enumeration(rng: Random) -> Answers:
    """All of them, in any order; not fewer, and none besides."""
    form, pool = rng.choice(ENUMERATED)
    count = rng.randint(2, 4)
    *members, stranger = rng.sample(sorted(set(pool)), count + 1)
    turned = [_joined(rng.sample(members, count)) for _ in range(4)]
    swapped = [*members[:-1], stranger]
    wrong = (
        _joined(members[:-1]), _joined(members[1:]), members[0],
        f"{_joined(rng.sample(members, count - 1))} only", _joined([*members, stranger]),
        _joined([stranger, *members]), _joined(swapped), _joined(swapped[::-1]),
    )  # fmt: skip
    asked = form.format(k=in_words(count))
    return asked, _joined(members), (*turned, f"They are {turned[0]}.", ", ".join(members[::-1])), wrong


def source(rng: Random) -> Answers:
    """What is said, and who says it: without its source a claim is another one."""
    name, other = full_name(rng), full_name(rng)
    one, stranger = (form.format(c=rng.choice(PLACES)) for form in rng.sample(STATEMENTS, 2))
    forms = rng.sample(SAYING, len(SAYING))

    def told(form: str, who: str, what: str) -> str:
        return form.format(n=who, s=what, S=what[:1].upper() + what[1:])

    asked = rng.choice(("What is claimed, and by whom?", "Who says what?", "What was said in the interview?"))
    reference, *right = (told(form, name, one) for form in forms)
    wrong = (
        f"{one[:1].upper()}{one[1:]}.", told(forms[1], other, one), told(forms[2], name, stranger),
        f"It is a fact that {one}.", f"{name} denies that {one}.", f"{name} asks whether {one}.",
    )  # fmt: skip
    return asked, reference, tuple(right), wrong


def when_and_where(rng: Random) -> Answers:
    """Two things asked for: half of them is not the answer."""
    place, other_place = rng.sample(PLACES, 2)
    day, other_day = (
        f"{rng.randint(1, 28)} {rng.choice(MONTHS)} {rng.randint(1700, 2020)}" for _ in range(2)
    )
    name = full_name(rng)
    done = rng.choice(("born", "baptised", "married", "arrested", "crowned", "buried"))
    asked = rng.choice(("When and where was {n} {d}?", "Where and when was {n} {d}?")).format(n=name, d=done)
    right = (f"on {day} in {place}", f"{place}, {day}", f"{name} was {done} on {day}, in {place}.")
    wrong = (
        f"In {place}.", f"On {day}.", place, f"{name} was {done} in {place}.", f"in {other_place}, on {day}",
        f"{place}, {other_day}", f"{name} was {done} on {day}.",
    )  # fmt: skip
    return asked, f"In {place}, on {day}", right, wrong


FORMS: dict[str, Callable[[Random], Answers]] = {
    "choice": choice,
    "yes_or_no": yes_or_no,
    "statement": statement,
    "comparison": comparison,
    "share": share,
    "signed_number": sign,
    "initials": initials,
    "enumeration": enumeration,
    "source_of_claim": source,
    "when_and_where": when_and_where,
}


def made_up_pairs(*, seed: int, cap: int) -> Iterator[tuple[str, str, str, float, str, str]]:
    """(question, reference, candidate, label, kind, group), `cap` of each kind, right and wrong in turn."""
    for form, make in FORMS.items():
        rng = Random(f"{seed}/{form}")
        for number in range(cap):
            question, reference, right, wrong = make(rng)
            label = float(number % 2)
            kind = f"{form}_{'right' if label else 'wrong'}"
            yield (
                question,
                reference,
                rng.choice(right if label else wrong),
                label,
                kind,
                f"made up: {question}",
            )


def _sentences(*texts: str) -> tuple[str, ...]:
    return tuple(f"{text[:1].upper()}{text[1:]}." for text in texts)


def _joined(members: list[str]) -> str:
    return members[0] if len(members) == 1 else f"{', '.join(members[:-1])} and {members[-1]}"
