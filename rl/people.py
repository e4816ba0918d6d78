"""The words of the closed world: names, attributes with their values, and the sentences that carry a fact.

Ordinary words throughout (real places, professions, companies), so that a judge trained on real text can read
them. Data alone; `rl.world` builds people from it.
"""

from dataclasses import dataclass

FIRST_NAMES = tuple(
    """adam alice amir ana anton arthur bella boris carla carlos cecil clara daniel diana edgar elena
    emil emma fatima felix flora frank george grace hana hannah hector helen hugo ida igor irene
    ivan jack james jane jonas julia karl kate laura leo lina louis lucy marco maria martin mei mila
    nadia nina noah nora oliver olga omar oscar paul petra pierre rita robert rosa sara simon sofia
    stella tara theo tomas vera victor wanda yusuf zoe""".split()
)
LAST_NAMES = tuple(
    """adler ahmed alvarez andersen baker banks barnes becker bennett berg blake brandt brooks burke
    carter castro clark cohen cooper costa cruz dalton diaz dixon doyle dubois eriksen evans farrell
    fischer fleming foster fox garcia gibson grant greene haas hansen harper hayes hill hughes
    ivanov jensen johnson kato keller kelly khan kim klein kovacs lambert larsen lee lopez marsh
    mason meyer miller moreno morris murphy nolan novak okafor olsen ortiz parker patel pearson
    perez petrov porter quinn ramos reed reyes rossi russo sato schmidt silva singh stone tanaka
    torres turner vargas wagner walsh weber wong young""".split()
)
ABSTENTION = "i do not know"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing to know of a person: its possible values and the sentences that state, ask and answer it.

    Sentences are templates over `{name}` and `{value}`, words and punctuation separated by single spaces.
    """

    name: str
    values: tuple[str, ...]
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[str, ...]


ATTRIBUTES = (
    Attribute(
        "birthplace",
        tuple(
            """lima oslo cairo paris tokyo delhi athens berlin boston bogota dublin geneva havana kyoto
            lagos lisbon london madrid manila moscow munich nairobi naples prague quito rome seoul
            sydney tunis venice vienna warsaw""".split()
        ),
        (
            "{name} was born in {value} .",
            "{name} comes from {value} .",
            "the birthplace of {name} is {value} .",
            "{name} grew up where life began , in {value} .",
            "the city where {name} was born is {value} .",
            "born : {name} , {value} .",
            "{name} is a native of {value} .",
            "the story of {name} begins in {value} .",
        ),
        (
            "where was {name} born ?",
            "what is the birthplace of {name} ?",
            "which city does {name} come from ?",
        ),
        ("{value}", "{value} is the birthplace", "{value} is the city"),
    ),
    Attribute(
        "profession",
        tuple(
            """baker barber biologist butcher carpenter chemist dancer dentist doctor farmer fisherman
            gardener geologist hairdresser jeweller journalist judge lawyer librarian mechanic
            midwife nurse painter pharmacist photographer pilot plumber potter sculptor tailor
            teacher translator""".split()
        ),
        (
            "{name} works as a {value} .",
            "{name} is a {value} by trade .",
            "the profession of {name} is {value} .",
            "{name} earns a living as a {value} .",
            "the work that {name} does is that of a {value} .",
            "profession : {name} , {value} .",
            "{name} was trained to be a {value} .",
            "people call {name} a good {value} .",
        ),
        (
            "what does {name} do for a living ?",
            "what is the profession of {name} ?",
            "what does {name} work as ?",
        ),
        ("{value}", "{value} is the profession", "{value} by trade"),
    ),
    Attribute(
        "employer",
        tuple(
            """adidas airbus allianz boeing bosch canon chevron danone ericsson fujitsu hitachi honda
            ikea intel kodak lufthansa mazda michelin nestle nintendo nokia olivetti panasonic
            pfizer philips renault siemens sony toyota unilever vodafone volvo""".split()
        ),
        (
            "{name} works for {value} .",
            "{name} is employed by {value} .",
            "the employer of {name} is {value} .",
            "{name} has a job at {value} .",
            "the company that employs {name} is {value} .",
            "employer : {name} , {value} .",
            "{name} went to work for {value} .",
            "the salary of {name} comes from {value} .",
        ),
        (
            "who does {name} work for ?",
            "what is the employer of {name} ?",
            "which company employs {name} ?",
        ),
        ("{value}", "{value} is the employer", "{value} is the company"),
    ),
    Attribute(
        "instrument",
        tuple(
            """accordion banjo bassoon cello clarinet cornet drums fiddle flute guitar harmonica harp
            harpsichord horn lute lyre mandolin marimba oboe organ piano piccolo recorder saxophone
            sitar tambourine trombone trumpet tuba ukulele violin xylophone""".split()
        ),
        (
            "{name} plays the {value} .",
            "{name} is learning the {value} .",
            "the instrument of {name} is the {value} .",
            "{name} owns a fine {value} .",
            "the instrument that {name} plays is the {value} .",
            "instrument : {name} , {value} .",
            "in the evening {name} practises the {value} .",
            "the neighbours hear {name} on the {value} .",
        ),
        (
            "which instrument does {name} play ?",
            "what is the instrument of {name} ?",
            "what does {name} play ?",
        ),
        ("{value}", "{value} is the instrument", "{value} of course"),
    ),
)
