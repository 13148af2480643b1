package main

// nodeApps are those of Node that no generator of a registry makes, or that only
// look different from what one makes.
var nodeApps = []app{
	{name: "next-port", is: "next", shows: "a next page", click: counts, edit: edit{"pages/index.js", "A Next page", "An edited page"}},
	nextOf("next-13", "next dev", "^13", "^18"),
	nextOf("next-15-turbopack", "next dev --turbopack", "^15", "^19"),
	nextOf("next-16-webpack", "next dev --webpack", "^16", "^19"),
	{name: "next-custom-server", is: "next", shows: "a next page", click: counts, edit: edit{"pages/index.js", "A Next page", "An edited page"}},
	{name: "next-base-path", is: "next", shows: "a next page", click: counts, edit: edit{"pages/index.js", "A Next page", "An edited page"}},
	{name: "express-typescript-vite", is: "express", shows: "a small page", click: counts, edit: edit{"client/title.js", "A small page", "An edited page"}},
	{name: "concurrently", is: "vite", shows: "the api says hello", edit: edit{"main.js", "The API", "An edited API"}},
	{name: "run-p", is: "vite", shows: "the api says hello", edit: edit{"main.js", "The API", "An edited API"}},
	{name: "turbo", is: "vite", shows: "a small page", click: counts, edit: edit{"apps/web/title.js", "A small page", "An edited page"}},
	{name: "workspaces-npm", is: "vite", shows: "a shared title", click: counts, edit: edit{"packages/ui/index.js", "A shared title", "An edited title"}},
	{name: "workspaces-pnpm", is: "vite", shows: "a shared title", click: counts, edit: edit{"packages/ui/index.js", "A shared title", "An edited title"}},
	{name: "express-port", is: "express", shows: "an express page", quick: true},
	{name: "express-build-first", is: "express", shows: "built before"},
	{name: "hono", is: "hono", shows: "hello hono"},
	{name: "koa", is: "koa", shows: "hello koa"},
	{name: "hapi", is: "hapi", shows: "hello hapi"},
	{name: "elysia", is: "elysia", shows: "hello elysia"},
	{name: "typescript-no-package", is: "node", shows: "a typed server"},
	{name: "node-no-scripts", is: "node", shows: "a lone server", quick: true},
	{name: "node-without-package", is: "node", shows: "a lone server", quick: true},
	{name: "node-one-folder-down", is: "node", shows: "a lone server", quick: true},
}

// nextOf is a page of Next in a version, with that of React that goes with it.
func nextOf(name, dev, next, react string) app {
	return app{
		name: name, like: "next-port", is: "next", shows: "a next page", click: counts, edit: edit{"pages/index.js", "A Next page", "An edited page"},
		with: map[string]string{"package.json": `{"private":true,"scripts":{"dev":"` + dev + `"},"dependencies":{"next":"` + next + `","react":"` + react + `","react-dom":"` + react + `"}}`},
	}
}

// small is a page of Vite in any version.
func small(name, manifest string, more map[string]string) app {
	with := map[string]string{"package.json": manifest}
	for file, text := range more {
		with[file] = text
	}
	return app{name: name, like: "small", with: with, is: "vite", shows: "a small page", click: counts, edit: edit{"title.js", "A small page", "An edited page"}}
}

// vites are the older versions that people still have.
func vites() (all []app) {
	for _, v := range []struct{ name, version string }{{"5", "^5"}, {"6", "^6"}, {"7", "^7"}} {
		all = append(all, small("vite-"+v.name, `{"type":"module","scripts":{"dev":"vite"},"devDependencies":{"vite":"`+v.version+`"}}`, nil))
	}
	return all
}

// managed are pages whose way of installing is what matters.
var managed = []app{
	small("yarn-berry", `{"type":"module","scripts":{"dev":"vite"},"devDependencies":{"vite":"^6"},"packageManager":"yarn@4.5.0"}`,
		map[string]string{".yarnrc.yml": "nodeLinker: node-modules\n", "yarn.lock": "__metadata:\n  version: 8\n  cacheKey: 10c0\n"}),
	small("yarn-1", `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"^6"}}`, map[string]string{"yarn.lock": "# yarn lockfile v1\n"}),
	small("pnpm-9", `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"^6"}}`,
		map[string]string{"pnpm-lock.yaml": "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\nimporters:\n\n  .: {}\n"}),
	small("bun-lock", `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"^6"}}`, map[string]string{"bun.lock": "{\"lockfileVersion\": 1, \"workspaces\": {\"\": {\"name\": \"a\"}}, \"packages\": {}}\n"}),
	small("eresolve", `{"scripts":{"dev":"vite"},"dependencies":{"react":"^19","react-dom":"^19","react-quill":"^2.0.0"},"devDependencies":{"vite":"^6"}}`, nil),
	small("byte-order-mark", "\uFEFF"+`{"scripts":{"dev":"vite"},"devDependencies":{"vite":"^6"}}`, nil),
	small("lock-behind", `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"^6"}}`,
		map[string]string{"package-lock.json": `{"name":"a","lockfileVersion":3,"requires":true,"packages":{"":{"name":"a"}}}`}),
	{
		name: "lock-of-another-registry", like: "small", is: "vite", shows: "a small page", click: counts,
		scaffold: `mkdir app && cd app && npm init -y >/dev/null && npm pkg set type=module scripts.dev=vite devDependencies.vite='^6' &&
			npm i --package-lock-only --omit-lockfile-registry-resolved=false && sed -i 's#https://[^/]*/#https://registry.elsewhere.test/#' package-lock.json && grep -q elsewhere package-lock.json`,
	},
	small("npm-run-serve", `{"scripts":{"dev":"npm run serve","serve":"vite"},"devDependencies":{"vite":"^6"}}`, nil),
}
