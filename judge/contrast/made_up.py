"""Questions about people and things that do not exist, with answers of the shapes that question sets lack.

Amounts with units, percentages, days, lists and yes or no are rare in the question sets; a made-up fact is as
good to edit as a true one, because the reference says what is right.
"""

from collections.abc import Callable, Iterator
from random import Random

from judge.contrast.amounts import Date
from judge.contrast.answers import AnsweredQuestion

FIRST_NAMES = (
    "Ann", "Omar", "Lena", "Pavel", "Grace", "Hugo", "Maya", "Igor", "Ruth", "Felix", "Nora", "Tariq",
    "Elsa", "Bruno", "Clara", "Dmitri", "Alma", "Oscar", "Yuki", "Ivan", "Sofia", "Amir", "Ingrid",
    "Victor", "Leila", "Marcus", "Tessa", "Rafael", "Petra", "Simon", "Aisha", "Conrad", "Bella", "Jonas",
    "Wanda", "Theo", "Carmen", "Nils", "Olga", "Peter",
)  # fmt: skip
LAST_NAMES = (
    "Cooper", "Lindqvist", "Okafor", "Moreau", "Barnes", "Petrov", "Castillo", "Hartmann", "Rossi",
    "Tanaka", "Novak", "Whitfield", "Duarte", "Kowalski", "Bergman", "Ferreira", "Osman", "Jansen",
    "Keller", "Marsh", "Vance", "Quill", "Archer", "Holt", "Banerjee", "Sato", "Lowe", "Pike", "Abbott",
    "Reyes", "Stone", "Voss",
)  # fmt: skip
PLACES = (
    "Lima", "Oslo", "Nairobi", "Porto", "Kyoto", "Quebec", "Tunis", "Dublin", "Hanoi", "Krakow", "Perth",
    "Bergen", "Havana", "Lyon", "Cusco", "Seville", "Cairo", "Austin", "Ghent", "Mumbai", "Accra", "Turin",
    "Split", "Riga", "Adelaide", "Bogota", "Salzburg", "Leeds", "Denver", "Malmo",
)  # fmt: skip
JOBS = (
    "baker", "nurse", "pilot", "carpenter", "teacher", "dentist", "sailor", "lawyer", "gardener", "chemist",
    "farmer", "engineer", "tailor", "plumber", "vet", "judge", "chef", "poet", "miner", "barber",
)  # fmt: skip
COMPANIES = (
    "Northwind Traders", "Blue Harbor Bank", "Maple Foods", "Silverline Motors", "Oakfield Press",
    "Delta Glass", "Summit Airlines", "Redstone Mining", "Harbor Light Insurance", "Green Valley Dairy",
    "Ironbridge Steel", "Pinecrest Hotels",
)  # fmt: skip
THINGS = (
    "violin", "chess", "football", "tennis", "piano", "swimming", "pottery", "archery", "sailing", "cello",
    "boxing", "painting", "fencing", "rugby", "flute", "judo",
)  # fmt: skip
COLOURS = (
    "red", "white", "blue", "green", "yellow", "black", "orange", "purple", "brown", "grey", "silver",
    "gold",
)  # fmt: skip
FOODS = (
    "apples", "bread", "cheese", "olives", "rice", "honey", "walnuts", "figs", "lentils", "trout", "butter",
    "plums",
)  # fmt: skip

# (question, statement, what may stand for {a}); {p} is a person
BIOGRAPHY = (
    ("Where was {p} born?", "{p} was born in {a}.", PLACES),
    ("In which city was {p} born?", "{p}'s birthplace is {a}.", PLACES),
    ("What is the birthplace of {p}?", "{p} comes from {a}.", PLACES),
    ("What does {p} do for a living?", "{p} works as a {a}.", JOBS),
    ("What is the profession of {p}?", "The profession of {p} is {a}.", JOBS),
    ("Who does {p} work for?", "{p} is employed by {a}.", COMPANIES),
    ("What company employs {p}?", "{p} has a job at {a}.", COMPANIES),
    ("Where does {p} live?", "{p} lives in {a}.", PLACES),
    ("What is {p}'s hobby?", "{p} likes {a} best.", THINGS),
    ("What is the favourite colour of {p}?", "{p}'s favourite colour is {a}.", COLOURS),
)  # fmt: skip
AMOUNTS = (
    ("How tall is the {n} Tower?", ("m", "metres", "feet"), (20, 800)),
    ("How long is the {n} river?", ("km", "miles"), (30, 4000)),
    ("How high is Mount {n}?", ("m", "metres", "feet"), (300, 8000)),
    ("How far is it from {n} to the coast?", ("km", "miles"), (5, 900)),
    ("How much does the {n} statue weigh?", ("kg", "pounds", "tonnes"), (3, 900)),
    ("How long does the {n} play last?", ("minutes", "hours"), (2, 240)),
    ("What is the top speed of the {n} train?", ("km/h", "mph"), (60, 400)),
    ("How much water does the {n} tank hold?", ("litres", "gallons"), (10, 9000)),
    ("How deep is Lake {n}?", ("m", "feet"), (8, 1500)),
    ("How wide is the {n} bridge?", ("m", "feet", "yards"), (4, 90)),
)  # fmt: skip

LARGE = (
    "How many people live in {n}?", "How many books does the {n} library hold?",
    "How much did the {n} stadium cost?",
)  # fmt: skip
SHARES = (
    "What share of the members of {n} voted?", "What percentage of {n}'s staff work at night?",
    "How much of {n} is forest?",
)  # fmt: skip
DAYS = (
    ("On what date was {p} born?", "{p} was born on {a}."),
    ("On which day did {p} marry?", "{p} married on {a}."),
    ("When did {p} open the shop?", "{p} opened the shop on {a}."),
    ("What is the date of {p}'s arrival?", "{p} arrived on {a}."),
)  # fmt: skip
# members: nothing stands for people
LISTS = (
    ("Which {k} colours are on the flag of {n}?", COLOURS), ("Which {k} cities did {n} visit?", PLACES),
    ("Which {k} people founded {n}?", ()), ("What {k} things did {n} buy?", FOODS),
)  # fmt: skip
YES_NO = (
    "Was {p} born in {c}?", "Does {p} live in {c}?", "Is {p} a {j}?", "Did {p} ever visit {c}?",
    "Can {p} play the violin?", "Has {p} worked as a {j}?", "Did {p} study in {c}?",
    "Is {c} larger than the home town of {p}?",
)  # fmt: skip


def full_name(rng: Random) -> str:
    """A made-up first and last name."""
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def _biography(rng: Random) -> tuple[str, str, str]:
    question, statement, answers = rng.choice(BIOGRAPHY)
    person, answer = full_name(rng), rng.choice(answers)
    return question.format(p=person), answer, statement.format(p=person, a=answer)


def _amount(rng: Random) -> tuple[str, str, str]:
    question, units, (low, high) = rng.choice(AMOUNTS)
    answer = f"{rng.randint(low, high):,} {rng.choice(units)}"
    return question.format(n=rng.choice(LAST_NAMES)), answer, ""


def _large(rng: Random) -> tuple[str, str, str]:
    question = rng.choice(LARGE)
    millions = rng.choice((rng.randint(1, 99), rng.randint(11, 99) / 10))
    figure = rng.choice(
        (f"{millions} million", f"{round(millions * 1_000_000):,}", f"{rng.randint(1_001, 9_999) * 10:,}")
    )
    return question.format(n=rng.choice(LAST_NAMES)), ("$" if "cost" in question else "") + figure, ""


def _percentage(rng: Random) -> tuple[str, str, str]:
    percent = rng.choice((25, 50, 75, 20, 10, 5, 40, 60, 80, rng.randint(1, 99)))
    return rng.choice(SHARES).format(n=rng.choice(COMPANIES)), f"{percent}%", ""


def _day(rng: Random) -> tuple[str, str, str]:
    question, statement = rng.choice(DAYS)
    person, date = full_name(rng), Date(rng.randint(1850, 2023), rng.randint(1, 12), rng.randint(1, 28))
    answer = rng.choice(date.ways()[:3])
    return question.format(p=person), answer, statement.format(p=person, a=answer)


def _list(rng: Random) -> tuple[str, str, str]:
    question, members = rng.choice(LISTS)
    number, count = rng.choice((("two", 2), ("three", 3), ("three", 3), ("four", 4)))
    chosen = rng.sample(members or [full_name(rng) for _ in range(count)], count)
    asked = question.format(k=number, n=rng.choice(LAST_NAMES))
    return asked, ", ".join(chosen[:-1]) + " and " + chosen[-1], ""


def _yes_no(rng: Random) -> tuple[str, str, str]:
    asked = rng.choice(YES_NO).format(p=full_name(rng), c=rng.choice(PLACES), j=rng.choice(JOBS))
    return asked, rng.choice(("Yes", "No", "yes", "no")), ""


FACTS: tuple[Callable[[Random], tuple[str, str, str]], ...] = (
    _biography, _biography, _amount, _large, _percentage, _day, _list, _yes_no,
)  # fmt: skip
"""Each makes a question, its answer, and a statement that holds the answer or nothing."""


def made_up_questions(*, seed: int, size: int) -> Iterator[AnsweredQuestion]:
    """`size` questions with made-up answers, the kinds of answer in turn; each question its own group."""
    rng = Random(f"{seed}/made-up")
    for number in range(size):
        question, answer, statement = FACTS[number % len(FACTS)](rng)
        if rng.random() < 0.3:
            question, answer, statement = (
                question.lower().rstrip("?"),
                answer.lower(),
                statement.lower().rstrip("."),
            )
        yield AnsweredQuestion(question, (answer,), f"made up: {question.lower()}", statement)
