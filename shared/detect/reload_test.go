package detect

import (
	"encoding/json"
	"testing"
)

// TestAScriptReloadsIfAllOfItDoes: else a change would not be shown.
func TestAScriptReloadsIfAllOfItDoes(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]bool{
		"vite": true, "vite --port 3000": true, "vite preview": false, "vite build": false, "vite build && vite preview": false, "tsc && vite": false, "npx vite": true,
		"next dev": true, "next dev --turbopack": true, "next start": false, "next build && next start": false, "nuxt dev": true, "nuxt preview": false, "astro dev": true, "astro preview": false,
		"remix vite:dev": true, "remix-serve build/index.js": false, "react-router dev": true, "react-router-serve build/server.js": false,
		"ng serve": true, "ng serve --watch=false": false, "react-scripts start": true, "craco start": true, "vue-cli-service serve": true, "webpack serve": true, "parcel index.html": true,
		"eleventy --serve": true, "eleventy": false, "gatsby develop": true, "gatsby serve": false, "vitepress dev docs": true, "storybook dev -p 6006": true, "storybook build": false,
		"http-server -c-1": true, "live-server": true, "serve public": true, "wrangler dev": true, "python3 -m http.server 3000": true, "php -S 0.0.0.0:3000": true,
		"node server.js": false, "node --watch server.js": true, "node server.js --watch": false, "node --watch-path=src server.js": true, "node --inspect --watch server.js": true,
		"nodemon": true, "nodemon --exec ts-node src/index.ts": true, "tsx watch server.js": true, "tsx server.js": false, "tsx --watch server.js": true, "ts-node server.js": false, "ts-node-dev --respawn server.js": true,
		"bun server.js": false, "bun --hot server.js": true, "bun run --watch server.js": true, "bun run server.js": false, "deno run --watch main.ts": true, "deno run main.ts": false,
		"nest start": false, "nest start --watch": true, "nest start -w": true, "fastify start app.js -w": true, "fastify start app.js": false, "gunicorn -w 4 app:app": false, "node cluster.js -w 4": false,
		"uvicorn app:app": false, "uvicorn app:app --reload": true, "flask run": false, "flask run --debug": true, "python manage.py runserver": true, "python manage.py runserver --noreload": false, "python main.py": false,
		"concurrently vite 'node server.js'": false, "concurrently vite 'nodemon server.js'": true, "vite & tsc --watch": true, "vite & node server.js": false,
		"npm run web": true, "npm run api": false, "run-p web api": false, "concurrently npm:web 'npm:api:*'": true, "npm run missing": false, "bash start.sh": false, "cross-env A=b vite": true, "": false,
	} {
		manifest, err := json.Marshal(map[string]any{"scripts": map[string]string{"dev": script, "web": "vite", "api": "node server.js", "api:watch": "nodemon server.js"}, "dependencies": map[string]string{"vite": "6"}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := readProject(projectOf("-- package.json --\n" + string(manifest) + "\n-- server.js --\n\n-- main.ts --\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.reloads("dev"); got != want {
			t.Errorf("%q reloads: %v", script, got)
		}
	}
}

func TestAPlanSaysWhetherItsServerReloads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files string
		want  bool
	}{
		"Vite":                          {"package.json --\n" + `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"6"}}`, true},
		"Vite without a script":         {"package.json --\n" + `{"devDependencies":{"vite":"6"}}`, true},
		"a step before it":              {"package.json --\n" + `{"scripts":{"predev":"node make.js","dev":"vite"},"devDependencies":{"vite":"6"}}`, false},
		"Next's server of its own":      {"package.json --\n" + `{"scripts":{"dev":"node server.js"},"dependencies":{"next":"16"}}`, false},
		"a dev script of node":          {"package.json --\n" + `{"scripts":{"dev":"node server.js"}}` + "\n-- server.js --\n", false},
		"an Express app":                {"package.json --\n" + `{"scripts":{"start":"node server.js"},"dependencies":{"express":"5"}}` + "\n-- server.js --\n", false},
		"an Express app that watches":   {"package.json --\n" + `{"scripts":{"dev":"node --watch server.js"},"dependencies":{"express":"5"}}` + "\n-- server.js --\n", true},
		"an entry":                      {"package.json --\n{}\n-- server.js --\nlisten()", false},
		"in a workspace":                {"package.json --\n" + `{"workspaces":["*"]}` + "\n-- web/package.json --\n" + `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"6"}}`, true},
		"beside one that does not":      {"frontend/package.json --\n" + `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"6"}}` + "\n-- backend/main.py --\nfrom fastapi import FastAPI\napp = FastAPI()", false},
		"beside one that does":          {"frontend/package.json --\n" + `{"scripts":{"dev":"vite"},"devDependencies":{"vite":"6"}}` + "\n-- backend/manage.py --\n", true},
		"FastAPI":                       {"main.py --\nfrom fastapi import FastAPI\napp = FastAPI()", false},
		"Flask":                         {"app.py --\nfrom flask import Flask\napp = Flask(__name__)", false},
		"Django":                        {"manage.py --\n", true},
		"Streamlit":                     {"app.py --\nimport streamlit", true},
		"files":                         {"index.html --\nx", true},
		"a page":                        {"public/index.html --\nx", true},
		"PHP":                           {"index.php --\nx", true},
		"Go":                            {"main.go --\nx", false},
		"a Procfile":                    {"Procfile --\nweb: gunicorn app:app", false},
		"a Procfile's dev server":       {"Procfile --\nweb: uvicorn app:app --reload", true},
		"a Dockerfile":                  {"Dockerfile --\n" + `CMD ["node", "server.js"]`, false},
		"what has to be built at first": {"package.json --\n" + `{"scripts":{"start":"node --watch dist/server.js","build":"tsc"},"dependencies":{"express":"5"}}`, false},
	} {
		plan, err := Plan(projectOf("-- " + c.files))
		if err != nil || plan.Reloads != c.want {
			t.Errorf("%s reloads: %v, %v: %s", name, plan.Reloads, err, plan.Start)
		}
		if Open(projectOf("-- "+c.files), plan, "exec vite").Reloads {
			t.Errorf("%s with a start of the request reloads", name)
		}
	}
}
