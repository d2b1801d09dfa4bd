"""What the completion scripts have beside what shtab makes: TARGETs, and the VM's command line after ``run --``.

``COMMANDS`` stands for the names of the commands, joined by ``|``. A command line without a command is one of ``view``.
"""

# Within shtab's script, which calls these functions.
BEFORE = {
    "bash": """\
_mdevview_targets() { mdevview list --targets="$1" 2>/dev/null; }
""",
    # A candidate that goes on gets no space. shtab's functions are defined above this text.
    "zsh": """\
_mdevview_targets() {
  local -a whole parts
  local each
  for each in ${(f)"$(mdevview list --targets="$PREFIX" 2>/dev/null)"}; do
    if [[ $each == *[:=/] ]]; then parts+=("$each"); else whole+=("$each"); fi
  done
  (( $#whole )) && compadd -a whole
  (( $#parts )) && compadd -S '' -a parts
}
_mdevview_command() {
  if [[ $words[1] == -- ]]; then shift words; (( CURRENT-- )); fi
  _normal
}
functions[_mdevview_commands]=$functions[_shtab_mdevview_commands]
_shtab_mdevview_commands() { _mdevview_commands; _mdevview_targets; }
functions[_mdevview_line]=$functions[_shtab_mdevview]
_shtab_mdevview() {
  if (( CURRENT > 2 )) && [[ $words[2] != (COMMANDS|-*) ]]; then
    words=("$words[1]" view "${(@)words[2,-1]}")
    (( CURRENT++ ))
  fi
  _mdevview_line "$@"
}
""",
    "fish": """\
function _mdevview_targets
  set -l start (commandline -ct)
  mdevview list --targets="$start" 2>/dev/null
end
function _mdevview_command
  set -l words (commandline -opc)
  set -l from (contains -i -- -- $words); or return
  complete -C (string join ' ' -- (string escape -- $words[(math $from + 1)..]) (commandline -ct))
end
""",
}

# After shtab's script.
AFTER = {
    # Bash splits words at each character of COMP_WORDBREAKS, such as ":" and "=": "sim:gvt" would be three words. It
    # replaces only what follows the last of them.
    "bash": """
_mdevview() {
  local line="${COMP_LINE:0:COMP_POINT}" breaks="${COMP_WORDBREAKS//[^:=]/}" first=1 kept="" word index
  local -a COMP_WORDS
  read -ra COMP_WORDS <<<"$line"
  [[ $line == *[[:space:]] ]] && COMP_WORDS+=("")
  local COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  while [[ ${COMP_WORDS[first]} == -v* || ${COMP_WORDS[first]} == --verbose ]]; do ((first++)); done
  word="${COMP_WORDS[COMP_CWORD]}"
  [[ -n $breaks && $word == *[$breaks]* ]] && kept="${word%[$breaks]*}" && kept="${word:0:${#kept}+1}"
  if [[ ${COMP_WORDS[first]} == run ]]; then
    for ((index = first + 1; index < COMP_CWORD; index++)); do
      [[ ${COMP_WORDS[index]} != -- ]] || { _mdevview_command $((index + 1)); return; }
    done
  fi
  if ((first < COMP_CWORD)) && [[ ${COMP_WORDS[first]} != @(COMMANDS|--print-completion) ]]; then
    COMP_WORDS=("${COMP_WORDS[@]:0:first}" view "${COMP_WORDS[@]:first}")
    COMP_CWORD=$((COMP_CWORD + 1))
  fi
  if [[ $word == --*=* && $breaks == *=* ]]; then
    COMP_WORDS=("${COMP_WORDS[@]:0:COMP_CWORD}" "${word%%=*}" "${word#*=}")
    COMP_CWORD=$((COMP_CWORD + 1))
    kept=""
  fi
  _shtab_mdevview
  if ((first == COMP_CWORD)) && [[ $word != -* ]]; then
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(_mdevview_targets "$word")
  fi
  for index in "${!COMPREPLY[@]}"; do COMPREPLY[index]="${COMPREPLY[index]#"$kept"}"; done
  # What goes on gets no space.
  [[ ${COMPREPLY[0]} != *[:=/] ]] || compopt -o nospace 2>/dev/null || :
}
# $1: where the VM's command line begins. bash-completion, where it is loaded, knows other programs' arguments.
_mdevview_command() {
  local name
  compopt -o filenames 2>/dev/null || :
  COMPREPLY=()
  if ((COMP_CWORD == $1)); then
    while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -c -- "$word"; compgen -f -- "$word")
    return
  fi
  for name in _comp_command_offset _command_offset; do
    if declare -F "$name" >/dev/null; then "$name" "$1"; return; fi
  done
  while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -f -- "$word")
}
complete -o bashdefault -F _mdevview mdevview
""",
    "fish": """
complete -c mdevview -n '_shtab_mdevview_using; and test $_shtab_mdevview_npos -eq 0' -ka '(_mdevview_targets)'
""",
}
