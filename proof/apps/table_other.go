package main

// otherApps are files alone, and what runs where its tool is.
var otherApps = []app{
	{name: "static", is: "static", shows: "a lone page", click: counts, quick: true},
	{name: "static-public", is: "static", shows: "a lone page", quick: true},
	{name: "static-dist", is: "static", shows: "a lone page", quick: true},
	{name: "static-lone-page", is: "static", shows: "a lone page", quick: true},
	{name: "static-beside-package", is: "static", shows: "a lone page", quick: true},
	{name: "dockerfile", is: "dockerfile", shows: "told by a dockerfile", quick: true},
	{name: "deno-or-not", is: "deno", shows: "a deno page", fails: "deno", quick: true},
	{name: "php-or-not", is: "php", shows: "a php page", fails: "php", quick: true},
}

// failures cannot be built, and must say why.
var failures = []app{
	{name: "nothing", fails: "start", quick: true},
	{name: "comments", fails: "package\\.json", quick: true},
	{name: "server-that-ends", fails: "no such luck", quick: true},
	{name: "server-of-errors", fails: "no such luck"},
	{name: "vite-syntax-error", like: "small", with: map[string]string{
		"package.json": `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"^6"}}`, "main.js": "import { title from './title.js'\n",
	}, fails: "main\\.js"},
	{name: "vite-basic-ssl", like: "small", with: map[string]string{
		"package.json":   `{"type":"module","scripts":{"dev":"vite"},"devDependencies":{"vite":"^6","@vitejs/plugin-basic-ssl":"^2"}}`,
		"vite.config.js": "import ssl from '@vitejs/plugin-basic-ssl'\nexport default { plugins: [ssl()] }\n",
	}, fails: "TLS|https"},
}
