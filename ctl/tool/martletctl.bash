# SPDX-License-Identifier: BSD-3-Clause
# bash completion for martletctl. The commands and their options are asked of the tool itself.
_martletctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
	local line=("${COMP_WORDS[@]}") at=$COMP_CWORD tool=(martletctl) noun command commands words
	# Options of the tool itself stand before the command.
	while [ "$at" -gt 1 ]; do
		case ${line[1]} in
		--json | --no-sandbox) line=("${line[0]}" "${line[@]:2}") at=$((at - 1)) ;;
		--parse-memory | --parse-seconds | --token-file | --ca | --client-cert | --client-key) [ "$at" -gt 2 ] || break
			tool+=("${line[1]}" "${line[2]}")
			line=("${line[0]}" "${line[@]:3}") at=$((at - 2)) ;;
		-s | --socket) [ "$at" -gt 2 ] || break
			tool+=(-s "${line[2]}")
			line=("${line[0]}" "${line[@]:3}") at=$((at - 2)) ;;
		*) break ;;
		esac
	done
	commands=$(martletctl --help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p')
	noun=${line[1]}
	command=$noun
	# A noun may be a command by itself, too: stats, and stats reset.
	if ! grep -qx "$noun" <<<"$commands" || { [ "$at" = 2 ] && [[ $current != -* ]]; } ||
		grep -qx "$noun ${line[2]}" <<<"$commands"; then
		grep -q "^$noun " <<<"$commands" && command="$noun ${line[2]}"
	fi
	case $previous in
	--isa) words="scalar avx2 avx512 avx512vnni amx native" ;;
	--weights) words="f32 bf16" ;;
	--rows-format) words="ending csv npy f32" ;;
	--trees) words="best all" ;;
	--thresholds) words="source nearest floor" ;;
	esac
	[ "$at$command" != 2log ] || [[ $current == -* ]] || words="debug info warning error"
	# Names and stored versions are asked of the appliance, where one is running.
	case $at$command in
	"2score" | "3model show" | "3model promote" | "3model canary" | "3model shadow" | "3model pin" | "3model unpin" | "3model rollback" | \
		"3model history" | "3model unload" | "3model load" | "3model delete" | "3model retention")
		[[ $current == -* ]] || words=$("${tool[@]}" model list 2>/dev/null | awk 'NR > 1 { print $1 }') ;;
	"4model show" | "4model promote" | "4model canary" | "4model shadow" | "4model pin" | "4model unpin" | "4model delete")
		[[ $current == -* ]] || words=$("${tool[@]}" --json model list 2>/dev/null | sed 's/{ *"name"/\n&/g' |
			grep "^{ *\"name\": *\"${line[3]}\"" | grep -o '"version": *[0-9]*' | grep -o '[0-9]*') ;;
	esac
	if [ -n "${words:-}" ]; then
		:
	elif [ "$at" = 1 ]; then
		words="$(cut -d' ' -f1 <<<"$commands" | sort -u) --json --help --version"
	elif [ "$at" = 2 ] && [ "$command" != "$noun" ]; then
		words=$(sed -n "s/^$noun //p" <<<"$commands")
	elif [[ $current == -* ]]; then
		# shellcheck disable=SC2086 # a command is two words
		words=$(martletctl $command --help 2>/dev/null | sed -nE 's/^  (-., |    )(--[a-z0-9-]+) .*/\2/p')
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _martletctl martletctl
