package main

import (
	"strings"
	"testing"
)

func app(files map[string]string, names ...string) workspace {
	w := workspace{names: map[string]bool{}, files: map[string][]byte{}}
	for name, content := range files {
		w.names[name], w.files[name] = true, []byte(content)
	}
	for _, name := range names {
		w.names[name] = true
	}
	return w
}

func TestDetectNode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		json  string
		start string
		port  int
	}{
		"next":                      {`{"dependencies":{"next":"15"},"scripts":{"dev":"next dev"}}`, "npm run dev", 3000},
		"next wins over vite":       {`{"dependencies":{"next":"15","vite":"7"}}`, "npm run dev", 3000},
		"vite":                      {`{"devDependencies":{"vite":"7"},"scripts":{"dev":"vite"}}`, `npm run dev -- --host 0.0.0.0 --port "$PORT" --strictPort`, 5173},
		"vite without a dev script": {`{"devDependencies":{"vite":"7"}}`, `npx vite --host 0.0.0.0 --port "$PORT" --strictPort`, 5173},
		"express that also has vite": {`{"dependencies":{"express":"5"},"devDependencies":{"vite":"7"},"scripts":{"dev":"node server.js","start":"node server.js"}}`,
			"npm run start", 3000},
		"react-scripts":         {`{"dependencies":{"react-scripts":"5"},"scripts":{"start":"react-scripts start"}}`, "npm run start", 3000},
		"express":               {`{"dependencies":{"express":"5"},"scripts":{"start":"node ."}}`, "npm run start", 3000},
		"express with dev only": {`{"dependencies":{"express":"5"},"scripts":{"dev":"node ."}}`, "npm run dev", 3000},
		"hono":                  {`{"dependencies":{"@hono/node-server":"1"},"scripts":{"start":"node ."}}`, "npm run start", 3000},
		"scripts.dev":           {`{"scripts":{"dev":"x"}}`, "npm run dev", 3000},
		"scripts.start":         {`{"scripts":{"start":"x"}}`, "npm run start", 3000},
		"nothing":               {`{}`, "npm run dev", 3000},
		"null dependencies":     {`{"dependencies":null,"scripts":null}`, "npm run dev", 3000},
		"odd types":             {`{"dependencies":["vite"],"devDependencies":7,"scripts":{"dev":{},"start":"x"}}`, "npm run start", 3000},
		"an array":              {`[]`, "npm run dev", 3000},
		"null":                  {`null`, "npm run dev", 3000},
		"not JSON":              {`{`, "npm run dev", 3000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, ok := detect(app(map[string]string{"package.json": c.json}))
			if !ok || !strings.HasSuffix(plan.Start, c.start) || plan.Port != c.port {
				t.Errorf("got %v, %q, port %d; want %q, port %d", ok, plan.Start, plan.Port, c.start, c.port)
			}
			if plan.Install == "" {
				t.Error("nothing is installed")
			}
		})
	}
}

func TestTheLockFileNamesThePackageManager(t *testing.T) {
	t.Parallel()
	for lock, manager := range map[string]string{
		"package-lock.json": "npm ", "npm-shrinkwrap.json": "npm ", "pnpm-lock.yaml": "npx --yes pnpm ", "yarn.lock": "npx --yes yarn ",
		"bun.lock": "npx --yes bun ", "bun.lockb": "npx --yes bun ", "README.md": "npm ",
	} {
		plan, _ := detect(app(map[string]string{"package.json": `{"devDependencies":{"vite":"7"},"scripts":{"dev":"vite"}}`}, lock))
		if !strings.HasPrefix(plan.Install, manager) || !strings.HasPrefix(plan.Start, "exec "+manager+"run dev ") {
			t.Errorf("%s: got %q and %q, want %q", lock, plan.Install, plan.Start, manager)
		}
		if dashes := strings.Contains(plan.Start, " -- "); dashes != (manager == "npm ") {
			t.Errorf("%s: only npm takes a script's arguments behind --, got %q", lock, plan.Start)
		}
	}
}

func TestDetectOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		app     workspace
		start   string
		install string
	}{
		"static":             {app(nil, "index.html", "style.css"), "cd . &&", ""},
		"static in public":   {app(nil, "public", "README.md"), "cd public &&", ""},
		"plain python":       {app(nil, "app.py"), "python3 app.py", ""},
		"no requirements":    {app(map[string]string{"requirements.txt": "# none\n\n"}, "app.py"), "python3 app.py", ""},
		"flask":              {app(map[string]string{"requirements.txt": "Flask==3\n"}, "app.py"), ".venv/bin/python -m flask --app app run --host 0.0.0.0", "-r requirements.txt"},
		"fastapi":            {app(map[string]string{"pyproject.toml": "dependencies = [\"fastapi\"]"}, "main.py"), "-m uvicorn main:app --host 0.0.0.0", "install --disable-pip-version-check ."},
		"django":             {app(map[string]string{"requirements.txt": "django"}, "manage.py"), "manage.py runserver", "-r requirements.txt"},
		"streamlit":          {app(map[string]string{"requirements.txt": "streamlit"}, "app.py"), "-m streamlit run app.py", "-r requirements.txt"},
		"node before python": {app(map[string]string{"package.json": "{}", "requirements.txt": "flask"}, "app.py"), "npm run dev", "npm install"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, ok := detect(c.app)
			if !ok || !strings.Contains(plan.Start, c.start) || !strings.Contains(plan.Install, c.install) {
				t.Errorf("got %+v, want %q, %q", plan, c.start, c.install)
			}
			if c.install == "" && plan.Install != "" {
				t.Errorf("got install %q, want none", plan.Install)
			}
		})
	}
}

func TestNothingToStartIsSaid(t *testing.T) {
	t.Parallel()
	for _, w := range []workspace{app(nil), app(nil, "README.md"), app(map[string]string{"requirements.txt": "flask"})} {
		if plan, ok := detect(w); ok {
			t.Errorf("got %+v for %v", plan, w.names)
		}
	}
}

func FuzzDetect(f *testing.F) {
	f.Add(`{"dependencies":{"vite":"7"},"scripts":{"dev":"vite"}}`)
	f.Fuzz(func(t *testing.T, json string) {
		if plan, ok := detect(app(map[string]string{"package.json": json})); !ok || plan.Start == "" || plan.Port == 0 {
			t.Errorf("got %+v, %v", plan, ok)
		}
	})
}
