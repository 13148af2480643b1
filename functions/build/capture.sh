# Packs the code of the folder that it runs in into the file $out: what the same
# code makes is the same, byte for byte. Dependencies and caches are left out. Exits
# with 3 where it is over $most bytes, and with 4 where there is no GNU tar.
tar --version 2>/dev/null | grep -q GNU || exit 4
code -print0 |
	sort -z |
	tar --null --no-recursion -T - --owner=0 --group=0 --numeric-owner --mtime='2000-01-01 00:00:00Z' --format=gnu -cf - |
	gzip -n |
	head -c "$((most + 1))" >"$out.part"
ended=("${PIPESTATUS[@]}")
if [ "$(wc -c <"$out.part")" -gt "$most" ]; then
	rm -f "$out.part"
	exit 3
fi
[ "${ended[2]}" = 1 ] && ended[2]=0 # something was written to while it was read
for code in "${ended[@]}"; do
	[ "$code" = 0 ] || exit 1
done
mv "$out.part" "$out"
