package main

// pythonApps are what people write in Python, however it is listed.
var pythonApps = []app{
	{name: "flask-factory", is: "flask", shows: "made by a factory", quick: true},
	{name: "flask-one-folder-down", is: "flask", shows: "one folder down"},
	{name: "flask-pipfile", is: "flask", shows: "listed in a pipfile"},
	{name: "flask-poetry", is: "flask", shows: "listed by poetry"},
	{name: "flask-groups", is: "flask", shows: "listed in groups"},
	{name: "flask-styles", is: "flask", shows: "with a package.json"},
	{name: "procfile", is: "procfile", shows: "started by its procfile"},
	{name: "fastapi", is: "fastapi", shows: `"made by":"fastapi"`},
	{name: "fastapi-in-app", is: "fastapi", shows: `"made by":"fastapi"`},
	{name: "fastapi-no-requirements", is: "fastapi", shows: `"made by":"fastapi"`},
	{name: "fastapi-hatch", is: "fastapi", shows: `"made by":"fastapi"`},
	{name: "fastapi-setuptools", is: "fastapi", shows: "a page beside its code"},
	{name: "litestar", is: "litestar", shows: "made by litestar"},
	{name: "quart", is: "quart", shows: "made by quart"},
	{name: "python", is: "python", shows: "a lone python", quick: true},
}
