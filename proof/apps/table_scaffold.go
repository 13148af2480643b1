package main

import "strings"

// viteScaffolds are those of create-vite, all of which have a button that counts.
func viteScaffolds() (all []app) {
	for _, t := range []struct{ template, file string }{
		{"vanilla", "src/main.js"}, {"vanilla-ts", "src/main.ts"},
		{"vue", "src/components/HelloWorld.vue"}, {"vue-ts", "src/components/HelloWorld.vue"},
		{"react", "src/App.jsx"}, {"react-ts", "src/App.tsx"}, {"react-compiler-ts", "src/App.tsx"},
		{"preact", "src/app.jsx"}, {"preact-ts", "src/app.tsx"},
		{"lit", "index.html"}, {"lit-ts", "index.html"},
		{"svelte", "src/App.svelte"}, {"svelte-ts", "src/App.svelte"},
		{"solid", "src/App.jsx"}, {"solid-ts", "src/App.tsx"},
		{"qwik", "src/app.jsx"}, {"qwik-ts", "src/app.tsx"},
	} {
		scaffold := "npx create-vite@latest app --no-interactive --template " + t.template
		if strings.HasPrefix(t.template, "qwik") { // it can name a version before a registry's mirror has it
			scaffold += " && cd app && npm pkg set 'dependencies[@builder.io/qwik]=^1'"
		}
		all = append(all, app{
			name: "vite-" + t.template, scaffold: scaffold, is: "vite",
			shows: "get started", click: counts, edit: edit{t.file, "Get started", "Begin here"},
		})
	}
	return all
}

// tooLittleMemory is why the kernel ends a server in the middle of its first page.
const tooLittleMemory = "its server needs more than the 512 MB that a sandbox of E2B's base template has; one of a larger template runs it"

// scaffolds are those of all other generators whose templates are packages of
// their registry. Where a page has nothing to click, one of ours takes its place.
var scaffolds = []app{
	{
		name: "next", scaffold: "npx create-next-app@latest app --yes --skip-install --disable-git", is: "next",
		shows: "a next page", click: counts, edit: edit{"app/page.tsx", "A Next page", "An edited page"},
	}, {
		name: "next-15", scaffold: "npx create-next-app@15 app --yes --skip-install --disable-git --no-src-dir --no-turbopack", like: "next", is: "next",
		shows: "a next page", click: counts, edit: edit{"app/page.tsx", "A Next page", "An edited page"},
		except: tooLittleMemory,
	}, {
		name: "next-14-pages", scaffold: "npm_config_package_lock_only=true npx create-next-app@14 app --js --no-app --no-src-dir --no-tailwind --no-eslint --import-alias '@/*' --use-npm", is: "next",
		shows: "a next page", click: counts, edit: edit{"pages/index.js", "A Next page", "An edited page"},
	}, {
		name: "t3", scaffold: "npx create-t3-app@latest app --CI --noGit --noInstall --tailwind --appRouter", is: "next",
		shows: "create t3 app", edit: edit{"src/app/page.tsx", "First Steps", "Edited Steps"},
		except: tooLittleMemory,
	}, {
		name: "sveltekit", scaffold: "npx sv@latest create app --template minimal --types ts --no-add-ons --no-install", is: "sveltekit",
		shows: "welcome to sveltekit", click: counts, edit: edit{"src/routes/+page.svelte", "Welcome to", "Edited is"},
	}, {
		name: "sveltekit-demo", scaffold: "npx sv@latest create app --template demo --types jsdoc --no-add-ons --no-install", is: "sveltekit",
		shows: "to your new", click: click{"[aria-label^=Increase]", `[2-9]\s+[1-9]`}, edit: edit{"src/routes/+page.svelte", "to your new", "to your edited"},
	}, {
		name: "vue", scaffold: "npx create-vue@3.18 app --default", is: "vite", // later ones need Node 22
		shows: "you did it", edit: edit{"src/App.vue", "You did it!", "They did it!"},
	}, {
		name: "vue-router", scaffold: "npx create-vue@3.18 app --ts --router --pinia", is: "vite",
		shows: "you did it", click: click{`a[href="/about"]`, "this is an about page"}, edit: edit{"src/App.vue", "You did it!", "They did it!"},
	}, {
		name: "tanstack-start", scaffold: "npx @tanstack/cli@latest create app --no-git --no-install -y", is: "vite",
		shows: "start simple", click: click{`a[href="/about"]`, "about"}, edit: edit{"src/routes/__root.tsx", "<Footer />", "Edited root"},
	}, {
		name: "qwik-city", scaffold: "npx create-qwik@latest empty app", is: "vite", shows: "can't wait to see what you build",
		edit: edit{"src/routes/index.tsx", "wait to see", "stop to see"},
	}, {
		name: "react-scripts", scaffold: "npx create-react-app@latest app", is: "react-scripts",
		shows: "learn react", edit: edit{"src/App.js", "Learn React", "Edit React"},
	}, {
		name: "nest", scaffold: "npx @nestjs/cli@latest new app --skip-install --skip-git --package-manager npm", is: "nest", shows: "hello world",
	}, {
		name: "express-generator", scaffold: "npx express-generator@latest --no-view app", is: "express", shows: "welcome to express",
	}, {
		name: "express-generator-pug", scaffold: "npx express-generator@latest --view=pug app", is: "express", shows: "welcome to express",
	}, {
		name: "fastify-cli", scaffold: "npx fastify-cli@latest generate app", is: "fastify", shows: `"root":true`,
	}, {
		name: "django", scaffold: "python3 -m venv v && v/bin/pip install -q django && mkdir app && v/bin/django-admin startproject mysite app", is: "django",
		shows: "the install worked successfully",
	},
}
