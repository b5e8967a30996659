"""Prompts: sandboxed templates whose variables are declared, so a typo fails at load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rag.config.reading import read_text
from rag.errors import ConfigError, did_you_mean
from rag.types import Data

NEEDED: dict[str, frozenset[str]] = {
    "answer": frozenset({"title", "language"}),
    "question": frozenset({"question", "passages"}),
    "abstain": frozenset({"question", "searched"}),
}
"""The prompts every pack has and exactly the variables each is given.

`passages` is a list with `n`, `title` and `text` each; `searched` is a list of titles.
"""

ANSWER = "answer"
"""What a model is told to do: of this a pack may have other wordings, `answer.NAME`."""
_WORDING = re.compile(r"answer\.[a-z0-9][a-z0-9_-]{0,62}")

_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)


class Prompt(Data):
    """One template of the pack and the variables it may use."""

    name: str
    file: Path
    variables: frozenset[str]
    source: str

    @cached_property
    def _template(self) -> Template:
        return _environment.from_string(self.source)

    def render(self, **variables: object) -> str:
        """The text, with every declared variable given and no other. Raises ConfigError."""
        for name in sorted(self.variables - variables.keys()):
            raise ConfigError(f"{self.file}: the variable '{name}' was not given.")
        for name in sorted(variables.keys() - self.variables):
            raise ConfigError(
                f"{self.file}: the variable '{name}' is not declared.",
                hint=f"Add it to prompts.{self.name}.variables in pack.toml.",
            )
        try:
            return self._template.render(variables).strip()
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ConfigError(f"{self.file}: cannot be rendered: {error}.") from error


def load_wordings(root: Path) -> Iterator[Prompt]:
    """Every `prompts/answer.NAME.md`, by its name, each as strict as the prompt itself."""
    for file in sorted((root / "prompts").glob(f"{ANSWER}.*.md")):
        if not _WORDING.fullmatch(file.stem):
            raise ConfigError(
                f"{file}: '{file.stem.removeprefix(f'{ANSWER}.')}' cannot name a wording.",
                hint="Use lower-case letters, digits, '-' and '_'.",
            )
        yield load_prompt(root, file.stem, NEEDED[ANSWER])


def load_prompt(root: Path, name: str, variables: frozenset[str]) -> Prompt:
    """Read `prompts/NAME.md`. Raises ConfigError where it uses a variable that is not declared."""
    file = root / "prompts" / f"{name}.md"
    needed = NEEDED.get(name)
    if needed is not None and variables != needed:
        raise ConfigError(
            f"{root / 'pack.toml'}: prompts.{name}.variables must be {sorted(needed)}."
        )
    source = read_text(file)
    try:
        used = meta.find_undeclared_variables(_environment.parse(source))
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        at = f" line {line}" if line else ""
        raise ConfigError(f"{file}:{at} is not a valid template: {error}.") from error
    for word in sorted(used - variables - _environment.globals.keys()):
        raise ConfigError(
            f"{file}: the variable '{word}' is not declared.",
            hint=did_you_mean(word, sorted(variables)),
        )
    return Prompt(name=name, file=file, variables=variables, source=source)
