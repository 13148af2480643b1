package main

// apps are all projects, scaffolds first.
var apps = []app{
	{
		name: "vite-react-ts", scaffold: "npx create-vite@latest app --template react-ts --no-interactive", is: "vite",
		shows: "get started", click: click{"button", "count is [1-9]"}, edit: edit{"src/App.tsx", "Get started", "Begin here"},
	}, {
		name: "next", scaffold: "npx create-next-app@latest app --yes --skip-install --disable-git", is: "next",
		shows: "a next page", click: click{"button", "count [1-9]"}, edit: edit{"app/page.tsx", "A Next page", "An edited page"},
	}, {
		name: "sveltekit", scaffold: "npx sv@latest create app --template minimal --types ts --no-add-ons --no-install", is: "sveltekit",
		shows: "welcome to sveltekit", click: click{"button", "count [1-9]"}, edit: edit{"src/routes/+page.svelte", "Welcome to", "Edited is"},
	}, {
		name: "express-generator", scaffold: "npx express-generator@latest --no-view app", is: "express", shows: "welcome to express",
	}, {
		name: "fastify-cli", scaffold: "npx fastify-cli@latest generate app", is: "fastify", shows: `"root":true`,
	},

	{name: "static", is: "static", shows: "a lone page", click: click{"button", "count 1"}, quick: true},
	{name: "node-without-package", is: "node", shows: "a lone server", quick: true},
	{name: "flask-factory", is: "flask", shows: "made by a factory", quick: true},
	{name: "fastapi", is: "fastapi", shows: `"made by":"fastapi"`, quick: true},
}
