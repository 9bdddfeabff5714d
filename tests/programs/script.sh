# What busybox's shell does by itself, without a second process.
echo "$# arguments: $*"
total=0
while read -r number word rest; do
    case $word in
    line) total=$((total + number)) ;;
    esac
done <short
echo "the sum is $total"
greet() {
    local name=$1
    printf '%-10s|%5d|%x\n' "$name" "$2" "$2"
}
for name in alpha beta gamma; do
    greet "$name" $((${#name} * 100))
done
[ -f text ] && [ -d tree ] && [ ! -e nothing ] && echo "files are as expected"
text="one:two:three"
echo "${text%%:*} ${text##*:} ${text#*:}"
trap 'echo "bye"' EXIT
exit 3
