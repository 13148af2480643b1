# Prints what detection sees of a project: siesta FOLDER. A line "n PATH" for
# each name, and for a file that is read "c SIZE PATH" and a line of base64. All
# of it is bounded: names to 500 kB, contents to 1.5 MB and what is over in one.
cd "$1" 2>/dev/null || exit 0

# names FOLDER DEPTH COUNT: folders end with /, and those of tools and packages
# have nothing in them.
names() {
	for kind in d f; do
		if [ $kind = d ]; then only=(-type d) mark='s|$|/|'; else only=(! -type d) mark=; fi
		find "$1" -mindepth 1 -maxdepth "$2" \( -name node_modules -o -name '.?*' -type d -o -name __pycache__ -o -name venv -o -name vendor \) -prune -o "${only[@]}" -print 2>/dev/null |
			sed "$mark" | head -n "$3"
	done
}

# What decides most is told of first: there may be more names than fit.
known=(package.json index.html requirements.txt pyproject.toml Pipfile Procfile manage.py main.py app.py server.py wsgi.py asgi.py
	index.js server.js index.ts server.ts deno.json deno.jsonc go.mod composer.json index.php Gemfile config.ru Dockerfile
	package-lock.json pnpm-lock.yaml yarn.lock bun.lock bun.lockb pnpm-workspace.yaml)
all=$({
	for name in "${known[@]}"; do [ -f "$name" ] && echo "./$name"; done
	names . 1 2000
	shown=0
	for folder in ./*/; do
		case $folder in './*/' | ./node_modules/ | ./__pycache__/ | ./venv/ | ./vendor/) continue ;; esac
		[ $((shown += 1)) -le 40 ] && names "${folder%/}" 2 400
	done
} | head -c 500000)
sed 's/^/n /' <<<"$all"

left=1500000
# show PATH BYTES: the beginning of a file.
show() {
	[ -f "$1" ] && [ "$left" -gt 0 ] || return
	size=$(($(wc -c <"$1"))) && bytes=$((size < $2 ? size : $2)) || return
	left=$((left - bytes - 5000)) # each costs time, too
	printf 'c %s %s\n' "$size" "$1"
	head -c "$bytes" "$1" | base64 | tr -d '\n'
	echo
}

folders=() # the root first
while IFS= read -r name; do
	case $name in ./) ;; */) folders+=("$name") ;; esac
done <<<"$all"
for folder in ./ "${folders[@]}"; do
	show "${folder}package.json" 1000000
	for file in requirements.txt pyproject.toml Pipfile Procfile manage.py Dockerfile deno.json deno.jsonc composer.json Gemfile config.ru pnpm-workspace.yaml .npmrc; do
		show "$folder$file" 50000
	done
	for file in pnpm-lock.yaml yarn.lock package-lock.json; do show "$folder$file" 16000; done
	for file in {vite,next}.config.{js,mjs,ts} vue.config.js nuxt.config.ts {,src/}proxy.conf.json src/setupProxy.js; do show "$folder$file" 5000; done
done
while IFS= read -r name; do
	case $name in
	*.py | ./index.[jt]s | ./server.[jt]s | ./main.[jt]s | ./mod.ts | ./app.js | ./index.mjs | ./server.mjs) show "$name" 20000 ;;
	esac
done <<<"$all"
exit 0
