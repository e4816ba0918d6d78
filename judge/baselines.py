"""String matching: what a judge has to beat.

Normalisation and token F1 follow the SQuAD v1.1 evaluation (Rajpurkar et al. 2016, arXiv:1606.05250,
section 4): lower case, no ASCII punctuation, no English articles, single spaces. Pure; standard library only.
"""

import re
import string
from collections import Counter

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """The words that SQuAD compares.

    >>> normalise("The  Beatles' album!")
    'beatles album'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(completion: str, reference: str) -> float:
    """1.0 when both are the same after normalisation, else 0.0."""
    return float(normalise(completion) == normalise(reference))


def contains(completion: str, reference: str) -> float:
    """1.0 when the normalised completion holds the normalised reference, else 0.0.

    Letters are compared, not words: a reference "19" is found in "1999", as in the published baseline.
    A reference of which normalisation leaves nothing is found only in a completion like it.
    """
    wanted, given = normalise(reference), normalise(completion)
    return float(wanted in given if wanted else not given)


def token_f1(completion: str, reference: str) -> float:
    """Harmonic mean of the precision and recall of the completion's words, in [0, 1]; symmetric.

    Where either has no words: 1.0 if neither has, else 0.0.

    >>> token_f1("in Paris, France", "Paris")
    0.5
    """
    given, wanted = normalise(completion).split(), normalise(reference).split()
    if not given or not wanted:
        return float(given == wanted)
    shared = (Counter(given) & Counter(wanted)).total()
    return 2 * shared / (len(given) + len(wanted))
