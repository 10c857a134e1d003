# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of keel-console(1)
_keel_console_guests()
{
	keel-console --list 2>/dev/null | tail -n +2 | cut -d' ' -f1 | sort -u
}

_keel_console()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	case $prev in
	--record | --export | --socket | --replay)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--log)
		mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$cur")
		return
		;;
	--escape | --grep | --expect | --send | --timeout | --speed | --sysrq | --give | --kick)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--view --write --take --force --exclusive
			--escape --record --raw --no-repaint --list --who --screen --tail
			--follow --grep --expect --send --timeout --history --export
			--replay --speed --break --sysrq --give --kick --log --release-ring
			--reload --upgrade --json --socket --help --version' -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(_keel_console_guests)" -- "$cur")
	fi
}

complete -F _keel_console keel-console
