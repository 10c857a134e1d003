# On the host's own consoles a login shows the dashboard; leaving it gives a
# shell. keel.console=shell on the kernel's command line gives the shell at once.
# A serial line does not tell how large the terminal at its other end is: ask
# the terminal (it answers with the position of its last cell), or take
# keel.tty=ROWSxCOLUMNS from the kernel's command line.
keel_console() {
	local answer='' rows columns saved
	case $(tty) in
	/dev/hvc0 | /dev/tty1 | /dev/ttyS0) ;;
	*) return 0 ;;
	esac
	case " $(cat /proc/cmdline) " in
	*' keel.tty='*)
		answer=$(sed 's/.*keel\.tty=\([0-9]*x[0-9]*\).*/\1/' /proc/cmdline)
		rows=${answer%x*} columns=${answer#*x}
		;;
	*)
		saved=$(stty -g)
		stty raw -echo min 0 time 10
		printf '\0337\033[r\033[999;999H\033[6n\0338'
		IFS='[;' read -r -d R -t 2 _ rows columns
		stty "$saved"
		;;
	esac
	case $rows$columns in
	'' | *[!0-9]*) ;;
	*) stty rows "$rows" columns "$columns" ;;
	esac
	case " $(cat /proc/cmdline) " in
	*' keel.console=shell '*) return 0 ;;
	esac
	if command -v keel >/dev/null; then
		keel
	fi
}
if [ -n "${BASH_VERSION-}" ] && [ -t 0 ]; then
	keel_console
fi
unset -f keel_console
