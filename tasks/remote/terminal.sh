#!/bin/sh
# Runs commands for somebody who has only a terminal; $1 marks what it prints. A request is base64
# lines of a command, a dot, base64 lines of its standard input, a dot. The answer is marked lines:
# O and its standard output, E and its standard error, both in base64, at last X and its status.
lines() {
	while IFS= read -r line && [ "$line" != . ]; do
		printf '%s\n' "$line"
	done
}
stty -echo -opost
exec 3>&1
printf '%s%s\n' "$1" R
while command=$(lines) && [ "$command" ]; do
	input=$(lines)
	command=$(printf '%s\n' "$command" | base64 -d)
	status=$(
		{
			{
				{
					printf '%s\n' "$input" | base64 -d | (eval "$command") 3>&- 4>&- 5>&-
					echo $? >&5
				} 2>&4 | base64 | sed "s/^/$1O/" >&3
			} 4>&1 | base64 | sed "s/^/$1E/" >&3
		} 5>&1
	)
	printf '%s\n' "$1X$status"
done
