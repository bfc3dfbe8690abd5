#compdef hawser
# SPDX-License-Identifier: LGPL-2.1-or-later
# zsh completion for hawser(1): verbs and their words from the program itself, topics and contexts as they are now.
_hawser() {
  local -a choices rest
  rest=(${(M)words[2,CURRENT-1]:#[^-]*})
  case $words[CURRENT-1] in
    -c|--context) choices=(${(f)"$(hawser completion --query contexts 2>/dev/null)"}); compadd -a choices; return ;;
    --*-file|-f|--file|--config) _files; return ;;
    --color) compadd auto always never; return ;;
  esac
  if (( $#rest == 0 )); then
    choices=(${(f)"$(hawser completion --query verbs 2>/dev/null)"})
  elif [[ $PREFIX == -* ]]; then
    choices=(${(f)"$(hawser $rest[1] $rest[2] --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*')"})
  else
    case $rest[1]:$rest[2] in
      pub:|req:|sub:*|reply:*|topic:show|topic:remove|topic:add) choices=(${(f)"$(hawser completion --query topics -W 1 2>/dev/null)"}) ;;
      twin:tree|twin:list|twin:show|twin:get|twin:set|twin:watch) choices=(${(f)"$(hawser completion --query twins -W 1 2>/dev/null)"}) ;;
      context:select|context:show|context:remove) choices=(${(f)"$(hawser completion --query contexts 2>/dev/null)"}) ;;
      inspect:*) choices=(${(f)"$(hawser completion --query plugins 2>/dev/null)"}) ;;
      completion:) choices=(bash zsh fish) ;;
      help:) choices=(${(f)"$(hawser completion --query verbs 2>/dev/null)"}) ;;
      config:check) _files; return ;;
      *:) choices=(${(f)"$(hawser completion --query words $rest[1] 2>/dev/null)"}) ;;
    esac
  fi
  compadd -a choices
}
if [ "$funcstack[1]" = "_hawser" ]; then _hawser "$@"; else compdef _hawser hawser; fi
