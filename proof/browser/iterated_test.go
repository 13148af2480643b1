package browser_test

import (
	"testing"

	"siesta/shared/job"
)

// heading is an expression that is true where a page's first heading is a text.
func heading(text string) string {
	return `document.querySelector("h1")?.innerText === "` + text + `"`
}

const (
	checkFails = "The check finds it"
	badCheck   = "echo " + checkFails + "; exit 1"
)

// killing is a check that kills the server of the version before, and passes. What a
// READY version checks, those after it check, too, so that it is the last one's.
func killing(server string) string {
	pattern := "'[" + server[:1] + "]" + server[1:] + "'"
	return "pkill -9 -f " + pattern + "; while pgrep -f " + pattern + "; do sleep 0.1; done"
}

// iteratedApps are the apps that are changed, each with its history.
func iteratedApps(t *testing.T) []iterated {
	return []iterated{staticPage(), viteApp(t), expressApp(), fastAPI(), nextApp(t)}
}

func staticPage() iterated {
	page := func(title, style string) string {
		return `<!DOCTYPE html><title>a page</title><link rel="stylesheet" href="` + style + `"><h1>` + title + `</h1>`
	}
	colored := func(title, color string) string {
		return heading(title) + ` && getComputedStyle(document.querySelector("h1")).color === "` + color + `"`
	}
	const red, blue = "rgb(255, 0, 0)", "rgb(0, 0, 255)"
	return iterated{
		name: "static", quick: true, shows: colored("One", red),
		files: text(map[string]string{"index.html": page("One", "a.css"), "a.css": "h1 { color: red }"}),
		changes: []change{
			{what: "a page changes", files: text(map[string]string{"index.html": page("Two", "a.css")}), shows: colored("Two", red)},
			{what: "the check fails", files: text(map[string]string{"index.html": page("Broken", "a.css")}), check: badCheck, fails: checkFails},
			{what: "a file has another name", files: gone(text(map[string]string{"index.html": page("Three", "b.css"), "b.css": "h1 { color: blue }"}), "a.css"), shows: colored("Three", blue)},
			{what: "its page is deleted", files: map[string]job.File{"index.html": {Delete: true}}, fails: "index.html"},
		},
	}
}

func viteApp(t *testing.T) iterated {
	const dir = root + "/examples/vite-react"
	component := func(title string) string {
		return edited(t, dir, "src/App.jsx", "<h1>Today</h1>", "<h1>"+title+"</h1>")
	}
	withDependency := func(name, version string) string {
		return edited(t, dir, "package.json", `"react": `, `"`+name+`": "`+version+`",`+"\n    "+`"react": `)
	}
	return iterated{
		name: "vite-react", quick: true, files: folder(t, dir), shows: heading("Today"),
		changes: []change{
			{what: "a component changes", files: text(map[string]string{"src/App.jsx": component("Tomorrow")}), hot: true, shows: heading("Tomorrow")},
			{what: "the syntax breaks", files: text(map[string]string{"src/App.jsx": component("<b>Broken")}), fails: "src/App.jsx"},
			{what: "the check fails", files: text(map[string]string{"src/App.jsx": component("Broken")}), check: badCheck, fails: checkFails},
			{what: "a dependency comes", shows: heading("a b"), files: text(map[string]string{
				"package.json": withDependency("clsx", "2.1.1"), "src/App.jsx": `import clsx from "clsx"` + "\n" + component(`{clsx("a", "b")}`),
			})},
			{what: "the install fails", fails: "siesta-no-such-package", files: text(map[string]string{
				"package.json": withDependency("siesta-no-such-package", "1.0.0"), "src/App.jsx": component("Broken"),
			})},
			{what: "a dependency goes", files: text(map[string]string{"package.json": edited(t, dir, "package.json"), "src/App.jsx": component("Without")}), shows: heading("Without")},
			{what: "the lock file alone changes", check: `grep '"version": "1.1.0"' node_modules/@rolldown/pluginutils/package.json`, files: text(map[string]string{
				"package-lock.json": edited(t, dir, "package-lock.json", `"version": "1.1.1",
      "integrity": "sha512-glFIJDvLNDtJhT9qrMFWLPbvS+skxgt4L0K8Ei2YtnhPysAJnsI7nyxSJxKj4ADeKX0OLjC4ntRkwpLOoS3rwA==",`, `"version": "1.1.0",`),
			})},
			{what: "its server is killed and the check fails", files: text(map[string]string{"src/App.jsx": component("Broken")}), check: killing("vite") + "; " + badCheck, fails: checkFails},
			{what: "a component has another name", shows: heading("Renamed"), files: gone(text(map[string]string{
				"src/Page.jsx": component("Renamed"), "src/main.jsx": edited(t, dir, "src/main.jsx", "./App.jsx", "./Page.jsx"),
			}), "src/App.jsx")},
			{what: "its server is killed meanwhile", files: text(map[string]string{"src/Page.jsx": component("Restarted")}), check: killing("vite"), shows: heading("Restarted")},
		},
	}
}

func expressApp() iterated {
	manifest := func(more string) string {
		return `{"scripts": {"start": "node server.js"}, "dependencies": {"express": "^4"` + more + `}}`
	}
	server := func(title string) string {
		return `const app = require("express")(); app.get("/", (_, res) => res.send("<h1>" + ` + title + ` + "</h1>")); app.listen(3000);`
	}
	return iterated{
		name: "express", shows: heading("One"),
		files: text(map[string]string{"package.json": manifest(""), "server.js": server(`"One"`)}),
		changes: []change{
			{what: "a route changes", files: text(map[string]string{"server.js": server(`"Two"`)}), shows: heading("Two")},
			{what: "the syntax breaks", files: text(map[string]string{"server.js": server(`"Broken`)}), fails: "SyntaxError"},
			{what: "the check fails", files: text(map[string]string{"server.js": server(`"Broken"`)}), check: badCheck, fails: checkFails},
			{what: "a dependency comes", files: text(map[string]string{"package.json": manifest(`, "clsx": "2.1.1"`), "server.js": server(`require("clsx").clsx("a", "b")`)}), shows: heading("a b")},
			{what: "the install fails", files: text(map[string]string{"package.json": manifest(`, "siesta-no-such-package": "1.0.0"`)}), fails: "siesta-no-such-package"},
			{what: "a dependency goes", files: text(map[string]string{"package.json": manifest(""), "server.js": server(`"Without"`)}), shows: heading("Without")},
			{what: "a module has another name", shows: heading("Renamed"), files: gone(text(map[string]string{
				"package.json": `{"scripts": {"start": "node main.js"}, "dependencies": {"express": "^4"}}`, "main.js": server(`"Renamed"`),
			}), "server.js")},
			{what: "its server is killed meanwhile", files: text(map[string]string{"main.js": server(`"Restarted"`)}), check: killing("node main.js"), shows: heading("Restarted")},
		},
	}
}

func fastAPI() iterated {
	app := func(title string) string {
		return "from fastapi import FastAPI\nfrom fastapi.responses import HTMLResponse\n\napp = FastAPI()\n\n\n@app.get(\"/\", response_class=HTMLResponse)\ndef read():\n    return \"<h1>\" + " + title + " + \"</h1>\"\n"
	}
	return iterated{
		name: "fastapi", shows: heading("One"),
		files: text(map[string]string{"requirements.txt": "fastapi\nuvicorn\n", "main.py": app(`"One"`)}),
		changes: []change{
			{what: "a route changes", files: text(map[string]string{"main.py": app(`"Two"`)}), shows: heading("Two")},
			{what: "the syntax breaks", files: text(map[string]string{"main.py": app(`"Broken`)}), fails: "SyntaxError"},
			{what: "the check fails", files: text(map[string]string{"main.py": app(`"Broken"`)}), check: badCheck, fails: checkFails},
			{what: "a dependency comes", files: text(map[string]string{"requirements.txt": "fastapi\nuvicorn\nmarkupsafe\n", "main.py": "from markupsafe import escape\n" + app(`str(escape("a b"))`)}), shows: heading("a b")},
			{what: "the install fails", files: text(map[string]string{"requirements.txt": "fastapi\nuvicorn\nsiesta-no-such-package\n"}), fails: "siesta-no-such-package"},
			{what: "a dependency goes", files: text(map[string]string{"requirements.txt": "fastapi\nuvicorn\n", "main.py": app(`"Without"`)}), shows: heading("Without")},
			{what: "its server is killed and the check fails", files: text(map[string]string{"main.py": app(`"Broken"`)}), check: killing("uvicorn") + "; " + badCheck, fails: checkFails},
			{what: "a module has another name", files: gone(text(map[string]string{"app.py": app(`"Renamed"`)}), "main.py"), shows: heading("Renamed")},
		},
	}
}

func nextApp(t *testing.T) iterated {
	const dir = "testdata/next16"
	page := func(title string) string {
		return "export default function Page() { return <h1>" + title + "</h1>; }\n"
	}
	return iterated{
		name: "next 16", files: folder(t, dir), shows: `document.querySelector("h2")?.innerText === "Count"`,
		changes: []change{
			{what: "a component changes", files: text(map[string]string{"app/counter.js": edited(t, dir, "app/counter.js", "<h2>Count</h2>", "<h2>Number</h2>")}), hot: true, shows: `document.querySelector("h2")?.innerText === "Number"`},
			{what: "the check fails", files: text(map[string]string{"app/page.js": page("Broken")}), check: badCheck, fails: checkFails},
			{what: "its server is killed and the check fails", files: text(map[string]string{"app/page.js": page("Broken")}), check: killing("next") + "; " + badCheck, fails: checkFails},
			{what: "the syntax breaks", files: text(map[string]string{"app/page.js": page("<b>Broken")}), fails: "app/page.js"},
			{what: "a page is another", files: gone(text(map[string]string{"app/page.js": page("Another")}), "app/counter.js"), shows: heading("Another")},
		},
	}
}
