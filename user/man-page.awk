# SPDX-License-Identifier: GPL-2.0-only
# awk -v page=COMMAND -f man-page.awk exitcheck.8: the man page of one command, of what exitcheck.8 says about it:
# its synopsis, its entry under COMMANDS, its options, the section of its name, each section that a comment
# `.\" for: COMMAND...` gives it, the examples that call it, the exit status.

# plain(LINE): a line without its macro.
function plain(line)
{
	if (sub(/^\.(B|I) /, "", line))
		return line
	if (sub(/^\.[BIR]+ /, "", line))
		gsub(/ /, "", line)
	gsub(/"/, "", line)
	return line
}

# first_sentence(TEXT): as whatis shows it.
function first_sentence(text)
{
	sub(/\. .*|\.$/, "", text)
	return tolower(substr(text, 1, 1)) substr(text, 2)
}

/^\.TH / {
	title = "EXITCHECK\\-" toupper(page)
	sub(/EXITCHECK/, title)
	header = $0
}
/^\.\\" SPDX/ { license = $0 }
/^\.SH / {
	section = substr($0, 5)
	sub_section = entry = ""
	if (!(section in text))
		order[++nr] = section
	if (section == toupper(page))
		mine[section] = 1
	next
}
/^\.\\" for: / {
	if (index($0 " ", " " page " "))
		mine[section] = 1
	next
}
/^\.SS / { sub_section = substr($0, 5) }
section == "SYNOPSIS" {
	if (/^\.B exitcheck /)
		usage = $3
	if (usage == page && !/^\.br/)
		synopsis = synopsis $0 "\n"
	next
}
section == "COMMANDS" {
	if (/^\.TP/)
		entry = ""
	else if (entry == "")
		entry = plain($0)
	else if (entry == page) {
		text[section] = text[section] $0 "\n"
		summary = summary (summary == "" ? "" : " ") plain($0)
	}
	next
}
section == "OPTIONS" {
	if (!/^\.SS/ && sub_section ~ "^(" page "|All commands)$")
		options[sub_section] = options[sub_section] $0 "\n"
	next
}
# An example is a sentence, then commands between .PP, .RS and .RE.
section == "EXAMPLES" {
	example = example $0 "\n"
	if (/^\.RE/) {
		if (example ~ ("exitcheck " page "[ \n]"))
			text[section] = text[section] (text[section] == "" ? "" : ".PP\n") example
		example = ""
		getline
	}
	next
}
{ text[section] = text[section] $0 "\n" }

END {
	print license
	print ".\\\" Made from exitcheck.8."
	print header
	printf ".SH NAME\nexitcheck\\-%s \\- %s\n", page, first_sentence(summary)
	printf ".SH SYNOPSIS\n%s", synopsis
	printf ".SH DESCRIPTION\n%s", text["COMMANDS"]
	print ".PP\nThis page is a part of\n.BR exitcheck (8)."
	printf ".SH OPTIONS\n%s%s", options[page], options["All commands"]
	for (i = 1; i <= nr; i++)
		if (mine[order[i]])
			printf ".SH %s\n%s", order[i], text[order[i]]
	printf ".SH EXIT STATUS\n%s", text["EXIT STATUS"]
	if (text["EXAMPLES"] != "")
		printf ".SH EXAMPLES\n%s", text["EXAMPLES"]
	print ".SH SEE ALSO\n.BR exitcheck (8)"
}
