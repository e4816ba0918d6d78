"""A page from a template, written to disk. It fetches nothing, and text from outside is escaped.

A template extends `page.html.jinja` and takes its parts from `parts.html.jinja`. The same input gives the
same bytes.
"""

from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from judge.outputs import json_text, write_text
from judge.page.figures import percent

_PACKAGE = "judge.page"


def write_page(path: Path, template: str, *, package: str = _PACKAGE, **content: object) -> None:
    """Write a page; an older one is replaced once the new one is whole.

    Args:
        path: where to; a missing directory is made.
        template: the name of a file in `templates/` of the package.
        package: whose templates; those of this package can be included and extended.
        content: what the template shows.

    Raises:
        DataError: the file cannot be written.
    """
    write_text(path, _environment(package).get_template(template).render(content))


def _environment(package: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(_PACKAGE)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # `tojson` escapes <, > and &, so that no text ends the script that holds it.
    environment.policies |= {"json.dumps_function": json_text, "json.dumps_kwargs": {}}
    environment.filters |= {"percent": percent, "two_digits": "{:.2f}".format}
    return environment
