# Prints whether $workspace differs from the copy in $folder in what decides how it is
# installed, and in what a server reads only as it starts.
[ -d "$folder/files" ] && [ -d "$workspace" ] || exit 2

deps=(
	-name package.json -o -name package-lock.json -o -name npm-shrinkwrap.json -o -name yarn.lock -o -name 'pnpm-lock.y*ml' -o -name 'bun.lock*'
	-o -name .npmrc -o -name '.yarnrc*' -o -path '*/.yarn/*' -o -name 'pnpm-workspace.y*ml' -o -name '.pnpmfile.*' -o -name bunfig.toml -o -name lerna.json
	-o -path '*/patches/*' -o -name '*.prisma' -o -name binding.gyp
	-o -name 'requirements*' -o -path '*/requirements/*' -o -name 'constraints*.txt' -o -name pyproject.toml -o -name uv.lock -o -name uv.toml -o -name poetry.lock
	-o -name 'Pipfile*' -o -name setup.py -o -name setup.cfg -o -name pip.conf
	-o -name 'deno.json*' -o -name deno.lock -o -name 'Gemfile*' -o -name '*.gemspec' -o -name 'composer.*' -o -name go.mod -o -name go.sum -o -name 'go.work*'
	-o -name .nvmrc -o -name .node-version -o -name .python-version -o -name .ruby-version -o -name .go-version -o -name .tool-versions -o -name 'mise.toml'
)
config=(
	-name '*.config.*' -o -name '*.conf.*' -o -name '.env*' -o -name .flaskenv -o -name 'tsconfig*.json' -o -name jsconfig.json -o -name Procfile -o -name Dockerfile
	-o -name angular.json -o -name project.json -o -name workspace.json -o -name nx.json -o -name turbo.json -o -name nest-cli.json -o -name nodemon.json
	-o -name '.babelrc*' -o -name .swcrc -o -name '.postcssrc*' -o -name '.browserslistrc' -o -name '.parcelrc' -o -name '.proxyrc*' -o -name 'setupProxy.*'
	-o -name '.eleventy.*' -o -name 'gatsby-*' -o -path '*/.storybook/*' -o -path '*/.vitepress/config*' -o -path '*/.streamlit/*'
	-o -path '*/config/*.rb' -o -path '*/config/*.yml' -o -name config.ru
)
# facts FOLDER WORDS: name, link target and content of each, in short.
facts() {
	(cd "$1" && shift && {
		code ! -type d \( "$@" \) -printf '%p %l\0' | sort -z
		code -type f \( "$@" \) -print0 | sort -z | xargs -0r sha256sum -z
	} | sha256sum)
}
exec 3< <(facts "$workspace" "${deps[@]}") 4< <(facts "$folder/files" "${deps[@]}") # all four at the same time
exec 5< <(facts "$workspace" "${config[@]}") 6< <(facts "$folder/files" "${config[@]}")
compared() {
	local here kept
	if read -r here <&"$1" && read -r kept <&"$2" && [ "$here" = "$kept" ]; then echo same; else echo differs; fi
}
echo "$(compared 3 4) $(compared 5 6)"
