"""Shell completion, made from the parser by shtab, with the host's vGPUs for TARGET."""

import argparse

import shtab

_TARGETS = "sim:gvt sim:mbochs sim:mdpy"
_NAMES = "mdevview list --targets 2>/dev/null"

_PREAMBLE = {
    "bash": f"""\
_mdevview_targets() {{
  compgen -W "$({_NAMES}) {_TARGETS}" -- "$1"
}}
""",
    "zsh": f"""\
_mdevview_targets() {{
  local -a names
  names=(${{(f)"$({_NAMES})"}} {_TARGETS})
  compadd -- $names
}}
""",
}

# Bash splits words at colons: "sim:gvt" would be three arguments. It replaces only what follows the last colon.
_BASH_COLONS = """
_mdevview() {
  local line="${COMP_LINE:0:COMP_POINT}" colon="" index
  local -a COMP_WORDS
  read -a COMP_WORDS <<<"$line"
  [[ $line == *[[:space:]] ]] && COMP_WORDS+=("")
  local COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _shtab_mdevview
  [[ ${COMP_WORDS[COMP_CWORD]} == *:* && $COMP_WORDBREAKS == *:* ]] && colon="${COMP_WORDS[COMP_CWORD]%:*}:"
  for index in "${!COMPREPLY[@]}"; do COMPREPLY[index]="${COMPREPLY[index]#"$colon"}"; done
}
complete -o bashdefault -F _mdevview mdevview
"""


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script for ``bash``, ``zsh`` or ``tcsh`` (which does not complete a TARGET)."""
    _mark(parser)
    completion = shtab.complete(parser, shell, preamble=_PREAMBLE.get(shell, ""))
    return completion + _BASH_COLONS if shell == "bash" else completion


def _mark(parser: argparse.ArgumentParser) -> None:
    """Tell shtab how to complete the arguments that have no fixed choices."""
    for action in parser._actions:
        if action.dest == "target":
            action.complete = dict.fromkeys(_PREAMBLE, "_mdevview_targets")  # type: ignore[attr-defined]
        elif action.dest == "output":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _mark(each)
