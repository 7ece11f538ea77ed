# SPDX-License-Identifier: BSD-3-Clause
# bash completion for martletctl. The commands and their options are asked of the tool itself.
_martletctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} noun=${COMP_WORDS[1]}
	local commands command words
	commands=$(martletctl --help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p')
	command=$noun
	grep -q "^$noun " <<<"$commands" && command="$noun ${COMP_WORDS[2]}"
	case $previous in
	--isa) words="scalar avx2 avx512 avx512vnni amx native" ;;
	--weights) words="f32 bf16" ;;
	--rows-format) words="ending csv npy f32" ;;
	--trees) words="best all" ;;
	--thresholds) words="source nearest floor" ;;
	esac
	# Names and stored versions are asked of the appliance, where one is running.
	case $command in
	"model show" | "model promote" | "model rollback" | "model unload" | "model load" | "model delete")
		if [ "$COMP_CWORD" = 3 ] && [[ $current != -* ]]; then
			words=$(martletctl model list 2>/dev/null | awk 'NR > 1 { print $1 }')
		elif [ "$COMP_CWORD" = 4 ] && [[ $current != -* ]]; then
			words=$(martletctl --json model list 2>/dev/null | sed 's/{ *"name"/\n&/g' |
				grep "^{ *\"name\": *\"${COMP_WORDS[3]}\"" | grep -o '"version": *[0-9]*' | grep -o '[0-9]*')
		fi ;;
	esac
	if [ -n "${words:-}" ]; then
		:
	elif [ "$COMP_CWORD" = 1 ]; then
		words="$(cut -d' ' -f1 <<<"$commands" | sort -u) --json --help --version"
	elif [ "$COMP_CWORD" = 2 ] && [ "$command" != "$noun" ]; then
		words=$(sed -n "s/^$noun //p" <<<"$commands")
	elif [[ $current == -* ]]; then
		# shellcheck disable=SC2086 # a command is two words
		words=$(martletctl $command --help 2>/dev/null | sed -nE 's/^  (-., |    )(--[a-z-]+) .*/\2/p')
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _martletctl martletctl
