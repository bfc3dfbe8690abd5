# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for hawser(1): verbs and their words from the program itself, topics and contexts as they are now.
_hawser() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= word= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -u|--url|-c|--context|--user|--*-file|--color|-W|--timeout) ((i++)) ;;
      -*) ;;
      *) if [ -z "$verb" ]; then verb=${COMP_WORDS[i]}; else word=${word:-${COMP_WORDS[i]}}; fi ;;
    esac
  done
  case $prev in
    -c|--context) mapfile -t COMPREPLY < <(compgen -W "$(hawser completion --query contexts 2>/dev/null)" -- "$cur"); return ;;
    --*-file|-f|--file|--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
  esac
  local choices=
  if [ -z "$verb" ]; then
    choices=$(hawser completion --query verbs 2>/dev/null)
  elif [[ $cur == -* ]]; then
    choices=$(hawser $verb $word --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*')
  else
    case $verb:$word in
      pub:|req:|sub:*|reply:*|trace:*|topic:show|topic:remove|topic:add|topic:purge) choices=$(hawser completion --query topics -W 1 2>/dev/null) ;;
      twin:tree|twin:list|twin:show|twin:get|twin:set|twin:watch) choices=$(hawser completion --query twins -W 1 2>/dev/null) ;;
      context:select|context:show|context:remove) choices=$(hawser completion --query contexts 2>/dev/null) ;;
      inspect:*) choices=$(hawser completion --query plugins 2>/dev/null) ;;
      check:) choices='listener topic sink twin cert lag' ;;
      bench:) choices='pub sub fanout req conn' ;;
      completion:) choices='bash zsh fish' ;;
      help:) choices=$(hawser completion --query verbs 2>/dev/null) ;;
      config:check|config:diff|replay:*) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
      *:) choices=$(hawser completion --query words "$verb" 2>/dev/null) ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}
complete -F _hawser hawser
