"""Shell completion, made from the parser by shtab, with the host's vGPUs for TARGET."""

import argparse

import shtab

_TARGETS = "sim:gvt sim:mbochs sim:mdpy"

# Bash splits words at colons (COMP_WORDBREAKS), so what is typed of "sim:gvt" is "gvt" after "sim" and ":".
_PREAMBLE = {
    "bash": f"""\
_mdevview_targets() {{
  local names="$(mdevview list 2>/dev/null | awk 'NR > 1 {{ print $1 }}') {_TARGETS}"
  local typed="${{COMP_LINE:0:COMP_POINT}}"
  typed="${{typed##*[[:space:]]}}"
  local before="${{typed%"${{typed##*:}}"}}" name
  while IFS= read -r name; do echo "${{name#"$before"}}"; done < <(compgen -W "$names" -- "$typed")
}}
""",
    "zsh": f"""\
_mdevview_targets() {{
  local -a names
  names=(${{(f)"$(mdevview list 2>/dev/null | awk 'NR > 1 {{ print $1 }}')"}} {_TARGETS})
  compadd -- $names
}}
""",
}


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script for ``bash``, ``zsh`` or ``tcsh`` (which does not complete a TARGET)."""
    _mark(parser)
    return shtab.complete(parser, shell, preamble=_PREAMBLE.get(shell, ""))


def _mark(parser: argparse.ArgumentParser) -> None:
    """Tell shtab what the arguments are that have no fixed choices."""
    for action in parser._actions:
        if action.dest == "target":
            action.complete = dict.fromkeys(_PREAMBLE, "_mdevview_targets")  # type: ignore[attr-defined]
        elif action.dest == "output":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _mark(each)
