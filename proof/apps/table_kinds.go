package main

// kinds are projects of the other kinds: a scaffold where its generator needs
// nothing but npm or pip, else a small one in testdata.
var kinds = []app{
	{
		name: "webpack-dev-server", is: "webpack",
		shows: "a webpack page", click: counts, edit: edit{"src/title.js", "A webpack page", "An edited page"},
	}, {
		name: "angular-cli", scaffold: "npx @angular/cli@20.3.0 new app --defaults --skip-git --skip-install --ai-config=none", is: "angular",
		shows: "a page of angular", click: counts, edit: edit{"src/app/app.html", "A page of", "Edited is"},
	}, {
		name: "astro-react", is: "astro",
		shows: "an astro page", click: counts, edit: edit{"src/pages/index.astro", "An Astro page", "An edited page"},
	}, {
		name: "astro-4", like: "astro-react", with: map[string]string{
			"package.json": `{"type":"module","private":true,"scripts":{"dev":"astro dev"},"dependencies":{"astro":"^4.16.0","@astrojs/react":"^3.6.0","react":"^18.3.0","react-dom":"^18.3.0"}}`,
		}, is: "astro",
		shows: "an astro page", click: counts, edit: edit{"src/pages/index.astro", "An Astro page", "An edited page"},
	}, {
		name: "angular-18", scaffold: "npx @angular/cli@18 new app --defaults --skip-git --skip-install --ssr=false", is: "angular", // its Vite is a 5
		shows: "hello, app", edit: edit{"src/app/app.component.html", "Hello, ", "Bonjour, "},
		except: "its server takes more than the 512 MB of a sandbox and is killed as its page is opened; a template can have more",
	}, {
		name: "nuxt-app", is: "nuxt",
		shows: "a nuxt page", click: counts, edit: edit{"app/app.vue", "A Nuxt page", "An edited page"},
	}, {
		name: "vue-cli", scaffold: "npx @vue/cli@5 create app --default --no-git --packageManager npm --skipGetStarted", is: "vue-cli",
		shows: "a vue page", click: counts, edit: edit{"src/App.vue", "A Vue page", "An edited page"},
	}, {
		name: "react-scripts-proxy", scaffold: "npx create-react-app@5 app && cd app && npm pkg set proxy=http://localhost:3001", is: "react-scripts",
		shows: "a react page", click: counts, edit: edit{"src/App.js", "A React page", "An edited page"},
	}, {
		name: "django-form", scaffold: "python3 -m venv venv && venv/bin/pip install -q django && mkdir app && venv/bin/django-admin startproject mysite app", is: "django",
		shows: "a django page", click: click{"button", "said something"},
	}, {
		name: "remix-vite", is: "remix",
		shows: "a remix page", click: click{"#count", "count [1-9]"}, edit: edit{"app/routes/_index.jsx", "A Remix page", "An edited page"},
	}, {
		name: "remix-action", like: "remix-vite", is: "remix",
		shows: "a remix page", click: click{"[name=said]", "said something"},
	}, {
		name: "vite-5.4.11", like: "vite-old", scaffold: viteOf("5.4.11"), is: "vite",
		shows: "a vite page", click: counts, edit: edit{"title.js", "A Vite page", "An edited page"},
	}, {
		name: "vite-5.4.12", like: "vite-old", scaffold: viteOf("5.4.12"), is: "vite",
		shows: "a vite page", click: counts, edit: edit{"title.js", "A Vite page", "An edited page"},
	}, {
		name: "vite-6.0", like: "vite-old", scaffold: viteOf("~6.0.9"), is: "vite",
		shows: "a vite page", click: counts, edit: edit{"title.js", "A Vite page", "An edited page"},
	}, {
		name: "vite-4", like: "vite-old", scaffold: viteOf("^4.5.0"), is: "vite",
		shows: "a vite page", click: counts, edit: edit{"title.js", "A Vite page", "An edited page"},
	}, {
		name: "react-router-7", is: "react-router",
		shows: "a react router page", click: click{"#count", "count [1-9]"}, edit: edit{"app/home.jsx", "A React Router page", "An edited page"},
	}, {
		name: "react-router-action", like: "react-router-7", is: "react-router",
		shows: "a react router page", click: click{"[name=said]", "said something"},
	}, {
		name: "gatsby", is: "gatsby",
		shows: "a gatsby page", click: counts, edit: edit{"src/pages/index.js", "A Gatsby page", "An edited page"},
	}, {
		name: "docusaurus", scaffold: "npx create-docusaurus@3 app classic --javascript --skip-install", is: "docusaurus",
		shows: "a docusaurus page", click: counts, edit: edit{"src/pages/index.js", "A Docusaurus page", "An edited page"},
	}, {
		name: "vitepress", is: "vitepress",
		shows: "a vitepress page", click: click{"button.count", "count [1-9]"}, edit: edit{"docs/index.md", "A VitePress page", "An edited page"},
	}, {
		name: "rsbuild", is: "rsbuild",
		shows: "an rsbuild page", click: counts, edit: edit{"src/App.jsx", "An Rsbuild page", "An edited page"},
	}, {
		name: "parcel", is: "parcel",
		shows: "a parcel page", click: counts, edit: edit{"src/title.js", "A Parcel page", "An edited page"},
	}, {
		name: "eleventy", is: "eleventy", shows: "an eleventy page", edit: edit{"index.md", " page", " sheet"},
	}, {
		name: "solid-start", is: "vinxi",
		shows: "a solid page", click: counts,
	}, {
		name: "craco", is: "craco",
		shows: "a craco page", click: counts, edit: edit{"src/App.js", "A Craco page", "An edited page"},
	}, {
		// Its live reload listens at a port of its own, where a page below a preview's
		// address does not look for it.
		name: "remix-classic", is: "remix-classic", shows: "a classic page", click: counts,
	}, {
		name: "wrangler", is: "wrangler", shows: "a worker's page", click: counts,
	}, {
		name: "http-server", like: "static", with: map[string]string{
			"package.json": `{"scripts":{"start":"http-server"},"devDependencies":{"http-server":"^14"}}`,
		}, is: "static-server", shows: "a lone page", click: counts,
	}, {
		name: "live-server", like: "static", with: map[string]string{
			"package.json": `{"scripts":{"dev":"live-server"},"devDependencies":{"live-server":"^1"}}`,
			"index.html":   wholePage,
		}, is: "static-server", shows: "a lone page", click: counts, edit: edit{"index.html", "A lone page", "An edited page"},
	}, {
		name: "browser-sync", like: "static", with: map[string]string{
			"package.json": `{"scripts":{"start":"browser-sync start --server --files '*.html'"},"devDependencies":{"browser-sync":"^3"}}`,
			"index.html":   wholePage,
		}, is: "browser-sync", shows: "a lone page", click: counts, edit: edit{"index.html", "A lone page", "An edited page"},
	},

	{name: "streamlit", is: "streamlit", shows: "a streamlit page", click: click{"button[kind=secondary]", "count [1-9]"}},
	{name: "gradio", is: "gradio", shows: "a gradio page", click: click{"#count", "count 1"}},
	{name: "dash", is: "dash", shows: "a dash page", click: click{"#add", "count [1-9]"}},
	{name: "nicegui", is: "nicegui", shows: "a nicegui page", click: counts},
	{name: "chainlit", is: "chainlit", shows: "a chainlit page"},
	{name: "flask-reload", is: "flask", shows: "a flask page", click: click{"button", "said something"}},
	{name: "php", is: "php", fails: "php", shows: "a php page", click: click{"button", "said something"}},
	{name: "go-web", is: "go", fails: "needs go", shows: "a go page", click: click{"button", "said something"}},
	{name: "sinatra", is: "ruby", fails: "ruby|sinatra", shows: "a sinatra page", click: click{"button", "said something"}},
	{name: "deno", is: "deno", shows: "a deno page", click: click{"button", "count 1"}},
	{name: "bun-server", is: "bun", shows: "a bun page", click: click{"button", "count 1"}},

	{name: "front-and-back", is: "vite", shows: "a page with an api", click: click{"button", "said by the api"}},
}

// viteOf makes a package.json for one version of Vite.
func viteOf(version string) string {
	return `mkdir app && cd app && npm init -y >/dev/null && npm pkg set type=module scripts.dev=vite devDependencies.vite='` + version + `'`
}

// wholePage is for servers that put their script at the end of a page's body.
const wholePage = `<!doctype html><html><head><title>A page</title></head><body>
<h1>A lone page</h1>
<button onclick="this.innerText = 'count 1'">count 0</button>
</body></html>
`
