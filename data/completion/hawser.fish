# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for hawser(1): verbs and their words from the program itself, topics and contexts as they are now.
function __hawser_words
    string match -v -- '-*' (commandline -opc)[2..-1]
end
function __hawser_choices
    set -l words (__hawser_words)
    switch (count $words)
        case 0
            hawser completion --query verbs 2>/dev/null
        case 1
            switch $words[1]
                case pub sub req reply
                    hawser completion --query topics -W 1 2>/dev/null
                case inspect
                    hawser completion --query plugins 2>/dev/null
                case completion
                    printf '%s\n' bash zsh fish
                case help
                    hawser completion --query verbs 2>/dev/null
                case '*'
                    hawser completion --query words $words[1] 2>/dev/null
            end
        case '*'
            switch "$words[1] $words[2]"
                case 'sub *' 'topic show' 'topic add' 'topic remove'
                    hawser completion --query topics -W 1 2>/dev/null
                case 'twin tree' 'twin list' 'twin show' 'twin get' 'twin set' 'twin watch'
                    hawser completion --query twins -W 1 2>/dev/null
                case 'context select' 'context show' 'context remove'
                    hawser completion --query contexts 2>/dev/null
            end
    end
end
complete -c hawser -n 'not contains -- config (__hawser_words)' -f
complete -c hawser -a '(__hawser_choices)'
complete -c hawser -s c -l context -x -a '(hawser completion --query contexts 2>/dev/null)' -d 'Saved connection'
complete -c hawser -s u -l url -x -d 'Where the bus is'
complete -c hawser -s j -l json -d 'JSON'
complete -c hawser -s W -l timeout -x -d 'End after this time'
complete -c hawser -s q -l quiet -d 'Only failures on stderr'
complete -c hawser -s v -l verbose -d 'More'
complete -c hawser -l password-file -r -d 'File with the password'
complete -c hawser -l token-file -r -d 'File with a bearer token'
complete -c hawser -l ca-file -r -d 'Trusted certificates'
complete -c hawser -l color -x -a 'auto always never' -d 'Colour'
