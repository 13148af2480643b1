package detect

// nodeKind is one kind of app that has a package.json.
type nodeKind struct {
	Name     string            // as a plan's Framework
	Title    string            // as people write it
	Packages []string          // the project depends on one of these
	Tool     string            // the program of a script that serves it; "": any script
	Verbs    []string          // the tool's first argument is one of these, if there are any
	Not      []string          // the tool serves nothing with one of these as its first argument
	Flag     string            // the tool serves with this argument only
	Before   string            // a command for bash, in the shell of the start
	Args     []string          // what is appended to the tool, but for an option that it has
	LastWins bool              // the tool takes the last of an option that it gets twice
	Bare     string            // the start where no script has the tool
	Custom   bool              // a script without the tool serves it, too: a server of the project's own
	DevFirst bool              // its dev script is better than a start script that would do
	Port     int               // where it listens
	Reloads  bool              // the tool shows changed files by itself
	Env      map[string]string // as a plan's Env
	Opens    string            // for people: what opens it to its preview's address, beside Args and Env
}

const (
	host   = "--host 0.0.0.0"
	port   = `--port "$PORT"`
	strict = "--strictPort"
	byVite = "__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS, which every command has"
)

// toolKinds are recognised by the program that a script runs, the first one that
// fits. Those of one tool stand before what they are made of.
var toolKinds = []nodeKind{
	{Name: "next", Title: "Next", Packages: []string{"next"}, Tool: "next", Verbs: []string{"dev"}, Custom: true, Bare: "npx next dev", Reloads: true, Port: 3000,
		Opens: "PORT"},
	{Name: "nuxt", Title: "Nuxt", Packages: []string{"nuxt", "nuxt3", "nuxt-edge"}, Tool: "nuxt", Not: []string{"build", "generate", "preview", "prepare", "start"}, Custom: true, Bare: "npx nuxt dev", Reloads: true, Port: 3000,
		Opens: "PORT, HOST; " + byVite},
	{Name: "react-router", Title: "React Router", Packages: []string{"@react-router/dev"}, Tool: "react-router", Verbs: []string{"dev"},
		Args: []string{host, port, strict}, Bare: "npx react-router dev", Reloads: true, Port: 5173, Opens: byVite},
	{Name: "remix", Title: "Remix", Packages: []string{"@remix-run/dev"}, Tool: "remix", Verbs: []string{"vite:dev"},
		Args: []string{host, port, strict}, Reloads: true, Port: 5173, Opens: byVite},
	{Name: "remix-classic", Title: "Remix without Vite", Packages: []string{"@remix-run/dev"}, Tool: "remix", Verbs: []string{"dev"}, Reloads: true, Port: 3000, Opens: "PORT"},
	{Name: "astro", Title: "Astro", Packages: []string{"astro"}, Tool: "astro", Not: []string{"build", "check", "preview", "sync", "add"},
		Args: []string{host, port}, Bare: "npx astro dev", Reloads: true, Port: 4321, Opens: byVite},
	{Name: "sveltekit", Title: "SvelteKit", Packages: []string{"@sveltejs/kit"}, Tool: "vite", Not: notServing,
		Args: viteArgs, LastWins: true, Bare: "npx vite", Reloads: true, Port: 5173, Opens: byVite},
	{Name: "vite", Title: "Vite", Packages: []string{"vite"}, Tool: "vite", Not: notServing,
		Args: viteArgs, LastWins: true, Bare: "npx vite", Reloads: true, Port: 5173, Opens: byVite},
	{Name: "angular", Title: "Angular", Packages: []string{"@angular/cli"}, Tool: "ng", Verbs: []string{"serve", "s", "dev"},
		Args: []string{host, port}, Bare: "npx ng serve", Reloads: true, Port: 4200, Env: map[string]string{"NG_CLI_ANALYTICS": "false"}, Opens: byVite},
	{Name: "vue-cli", Title: "Vue CLI", Packages: []string{"@vue/cli-service"}, Tool: "vue-cli-service", Verbs: []string{"serve"}, Before: vueConfig,
		Args: []string{host, port}, Bare: "npx vue-cli-service serve", Reloads: true, Port: 8080, Opens: "a configuration around its own"},
	{Name: "react-scripts", Title: "React scripts", Packages: []string{"react-scripts"}, Tool: "react-scripts", Verbs: []string{"start"}, Bare: "npx react-scripts start", Reloads: true, Port: 3000,
		Env: anyHost, Opens: "PORT"},
	{Name: "craco", Title: "Craco", Packages: []string{"@craco/craco"}, Tool: "craco", Verbs: []string{"start"}, Reloads: true, Port: 3000, Env: anyHost, Opens: "PORT"},
	{Name: "webpack", Title: "webpack", Packages: []string{"webpack-dev-server"}, Tool: "webpack", Verbs: []string{"serve", "s", "server"},
		Args: webpackArgs, Bare: "npx webpack serve", Reloads: true, Port: 8080},
	{Name: "webpack", Title: "webpack", Packages: []string{"webpack-dev-server"}, Tool: "webpack-dev-server", Args: webpackArgs, Reloads: true, Port: 8080},
	{Name: "rsbuild", Title: "Rsbuild", Packages: []string{"@rsbuild/core"}, Tool: "rsbuild", Not: notServing,
		Args: []string{host, port}, Bare: "npx rsbuild dev", Reloads: true, Port: 3000},
	{Name: "parcel", Title: "Parcel", Packages: []string{"parcel", "parcel-bundler"}, Tool: "parcel", Not: []string{"build", "watch", "help"},
		Args: []string{host, port}, Bare: "npx parcel index.html", Reloads: true, Port: 1234},
	{Name: "eleventy", Title: "Eleventy", Packages: []string{"@11ty/eleventy"}, Tool: "eleventy", Flag: "--serve",
		Args: []string{`--port="$PORT"`}, Bare: "npx @11ty/eleventy --serve", Reloads: true, Port: 8080},
	{Name: "gatsby", Title: "Gatsby", Packages: []string{"gatsby"}, Tool: "gatsby", Verbs: []string{"develop"},
		Args: []string{host, port}, Bare: "npx gatsby develop", Reloads: true, Port: 8000},
	{Name: "docusaurus", Title: "Docusaurus", Packages: []string{"@docusaurus/core"}, Tool: "docusaurus", Verbs: []string{"start"},
		Args: []string{host, port, "--no-open"}, Bare: "npx docusaurus start", Reloads: true, Port: 3000},
	{Name: "vitepress", Title: "VitePress", Packages: []string{"vitepress"}, Tool: "vitepress", Not: notServing,
		Args: []string{host, port, strict}, Reloads: true, Port: 5173, Opens: byVite},
	{Name: "vinxi", Title: "Vinxi (SolidStart)", Packages: []string{"vinxi"}, Tool: "vinxi", Verbs: []string{"dev"},
		Args: []string{host, port}, Reloads: true, Port: 3000, Opens: byVite},
	{Name: "wrangler", Title: "Wrangler", Packages: []string{"wrangler"}, Tool: "wrangler", Verbs: []string{"dev"},
		Args: []string{"--ip 0.0.0.0", port}, Reloads: true, Port: 8787},
	{Name: "browser-sync", Title: "Browsersync", Packages: []string{"browser-sync"}, Tool: "browser-sync", Verbs: []string{"start"},
		Args: []string{port, "--no-open"}, Reloads: true, Port: 3000},
	{Name: "static-server", Title: "a server of files", Packages: []string{"live-server"}, Tool: "live-server",
		Args: []string{`--port="$PORT"`, "--no-browser"}, Bare: "npx live-server", Reloads: true, Port: 8080},
	{Name: "static-server", Title: "a server of files", Packages: []string{"http-server"}, Tool: "http-server", Args: []string{`-p "$PORT"`}, Bare: "npx http-server", Reloads: true, Port: 8080},
}

var (
	notServing  = []string{"build", "preview", "optimize"}
	viteArgs    = []string{host, port, strict} // it takes another port when its own is taken
	webpackArgs = []string{host, port, "--allowed-hosts all"}
	anyHost     = map[string]string{"DANGEROUSLY_DISABLE_HOST_CHECK": "true"}
)

// vueConfig puts the project's own configuration into one that lets its server,
// webpack's of version 3 up to Vue CLI 4, answer to any host, and its pages find it.
const vueConfig = `# vue-cli-service serve, with the preview's address allowed
more=$(mktemp -d) && echo '{}' >"$more/package.json" && cat >"$more/vue.config.js" <<'EOF' || exit
const fs = require('fs'), path = require('path')
const own = ['vue.config.js', 'vue.config.cjs'].map(name => path.resolve(name)).find(name => fs.existsSync(name))
const config = own ? require(own) : {}
const old = /^[34]/.test(require(path.resolve('node_modules/@vue/cli-service/package.json')).version)
const open = old ? { disableHostCheck: true } : { allowedHosts: 'all', client: { webSocketURL: 'auto://0.0.0.0:0/ws' } }
const opened = c => ({ ...c, devServer: { ...open, ...c.devServer, ...open } })
module.exports = typeof config === 'function' ? () => opened(config() || {}) : opened(config)
EOF
export VUE_CLI_SERVICE_CONFIG_PATH="$more/vue.config.js"
`

// serverKinds are servers of the project's own code, which listen on PORT if the
// code says so. Any script starts them.
var serverKinds = []nodeKind{
	{Name: "nest", Title: "Nest", Packages: []string{"@nestjs/core"}, DevFirst: true, Port: 3000, Opens: "PORT"},
	{Name: "fastify", Title: "Fastify", Packages: []string{"fastify", "fastify-cli"}, DevFirst: true, Port: 3000, Opens: "PORT"},
	{Name: "hono", Title: "Hono", Packages: []string{"hono", "@hono/node-server"}, Port: 3000, Opens: "PORT"},
	{Name: "express", Title: "Express", Packages: []string{"express"}, Port: 3000, Opens: "PORT"},
	{Name: "koa", Title: "Koa", Packages: []string{"koa"}, Port: 3000, Opens: "PORT"},
	{Name: "hapi", Title: "hapi", Packages: []string{"@hapi/hapi"}, Port: 3000, Opens: "PORT"},
	{Name: "elysia", Title: "Elysia", Packages: []string{"elysia"}, Port: 3000, Opens: "PORT"},
	{Name: "node", Title: "Node", Port: 3000, Opens: "PORT"}, // whatever else a script or an entry file starts
}
