# SPDX-License-Identifier: BSD-3-Clause
# bash completion for martletctl. The commands are asked of the tool itself.
_martletctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} noun=${COMP_WORDS[1]}
	local commands
	commands=$(martletctl --help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p')
	case $previous in
	--isa) mapfile -t COMPREPLY < <(compgen -W "scalar avx2 avx512 avx512vnni amx native" -- "$current"); return ;;
	esac
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(cut -d' ' -f1 <<<"$commands" | sort -u) --json --help" -- "$current")
	elif [ "$COMP_CWORD" = 2 ] && grep -q "^$noun " <<<"$commands"; then
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n "s/^$noun //p" <<<"$commands")" -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}
complete -F _martletctl martletctl
