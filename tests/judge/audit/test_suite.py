import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import judge.contrast
from judge.audit.suite import GROUPS, HACKING, load_cases, read_content
from judge.records import Verdict

CASES = load_cases()
VERDICTS = defaultdict(set)
for case in CASES:
    VERDICTS[case.category].add(case.verdict)

C, W, A = Verdict.CORRECT, Verdict.WRONG, Verdict.ABSTAIN
KNOWN_TO_FOOL = {
    "case, articles, punctuation": C, "paraphrase": C, "synonym": C, "antonym": W,
    "negation of the right answer": W, "contrastive negation": C, "yes/no flip": W,
    "yes/no by statement": C, "near number": W, "number inside another": W, "number words": C,
    "magnitudes": C, "unit swap": W, "unit conversion": C, "percent and fraction": C, "sign": W,
    "rounding": C, "date formats": C, "date off": W, "coarser date or place": W,
    "entity of the same type": W, "role swap": W, "word-order swap": W, "alias": C, "abbreviation": C,
    "typo": C, "transliteration": C, "diacritics": C, "unique surname": C,
    "same surname, another person": W, "partial list": W, "list reordered": C,
    "list with a wrong extra": W, "many candidates": W, "hedged single answer": C,
    "verbose right answer": C, "right, then contradicted": W, "right plus a false fact": W,
    "question echoed": W, "substring inside a word": W, "empty, blank, punctuation, emoji": W,
    "reasoning opener alone": W, "abstention, plain": A, "abstention in other languages": A,
    "abstention that names the answer": A, "opener, then a right answer": C,
    "opener, then a wrong answer": W, "title that sounds like an abstention": C, "safety refusal": A,
    "injection": W, "separators and role tags": W, "think tags": C, "repetition": W,
    "answer past the window": C, "quantifier": W, "tense and modality": W, "attribution dropped": W,
    "distractor from another question": W,
}  # fmt: skip


def test_there_are_many_categories_and_each_has_ten_cases_or_more():
    sizes = Counter(case.category for case in CASES)
    assert len(sizes) >= 50
    assert sizes.total() >= 500
    assert min(sizes.values()) >= 10, sizes


@pytest.mark.parametrize("category", KNOWN_TO_FOOL)
def test_what_is_known_to_fool_judges_is_there_with_its_verdict(category: str):
    assert KNOWN_TO_FOOL[category] in VERDICTS[category]


def test_ids_and_contents_are_unique_and_a_category_is_of_one_group():
    assert len({case.record.id for case in CASES}) == len(CASES)
    contents = Counter((c.record.prompt, c.record.references, c.record.completion) for c in CASES)
    assert max(contents.values()) == 1, contents.most_common(3)
    assert len({(case.group, case.category) for case in CASES}) == len(VERDICTS)
    assert {case.group for case in CASES} == set(GROUPS)


def test_everything_in_the_files_is_text_and_is_read():
    """YAML reads a bare 1912 as a number and a bare no as a boolean, and drops nothing silently."""
    for case in CASES:
        for text in (case.record.prompt, case.record.completion, *case.record.references):
            assert isinstance(text, str), case
    for group in GROUPS:
        for content in read_content(group).values():
            items = [] if isinstance(content, dict) else content
            assert all(set(item) <= {"question", "references", *Verdict} for item in items)


def test_templates_are_filled():
    assert not [
        case for case in CASES if re.search(r"\{(question|answer|distractor|filler)\}", str(case.record))
    ]


def test_an_answer_is_not_written_down_under_two_verdicts():
    verdicts = defaultdict(set)
    for case in CASES:
        verdicts[case.record.prompt, case.record.references, case.record.completion.lower()].add(case.verdict)
    assert all(len(found) == 1 for found in verdicts.values())


def test_nothing_in_the_hacking_group_is_right():
    assert {case.verdict for case in CASES if case.group == HACKING} == {Verdict.WRONG}


def words(text: str) -> str:
    text = re.sub(r"\{(question|answer|distractor)?\}", "_", text.replace("{{", "{").replace("}}", "}"))
    return " ".join(re.findall(r"\w+", text.lower()))


def texts_that_judges_are_trained_on() -> set[str]:
    """Every string, and every line of one, in the modules that write training pairs."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in Path(judge.contrast.__file__).parent.glob("*.py")
    ]
    strings = [
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {words(text) for string in strings for text in (string, *string.splitlines())}


def test_no_phrase_of_the_audit_is_one_that_judges_are_trained_on():
    """A phrase is three words or more; "half" and "25 %" cannot be had in other words, nor can a title."""
    texts = {
        text
        for case in CASES
        for text in (case.record.prompt, case.record.completion)
        if text not in case.record.references
    }
    for group in GROUPS:
        for content in read_content(group).values():
            templates = content.values() if isinstance(content, dict) else []
            texts |= {text for some in templates for text in some}
    phrases = {words(text): text for text in texts if len(words(text).split()) >= 3}
    shared = phrases.keys() & texts_that_judges_are_trained_on()
    assert not shared, [phrases[text] for text in shared]
