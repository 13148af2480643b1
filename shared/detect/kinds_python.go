package detect

// pythonKind is one kind of Python app. In Start, {file}, {module} and {object}
// are its entry, and {python} what runs it.
type pythonKind struct {
	Name  string   // as a plan's Framework
	Title string   // as people write it
	Uses  []string // a requirement, or an import of the entry, is one of these
	Makes string   // what makes the app's object, as an expression; "": the file itself is the app
	Needs string   // a package that the start needs, and that is installed if nobody listed it
	Start string
	Port  int
	Opens string // for people: what opens it to its preview's address, beside Start

	Reloads bool // what Start runs shows changed files by itself
}

const uvicorn = `exec {python} -m uvicorn {factory}{module}:{object} --host 0.0.0.0 --port "$PORT"`

// pythonKinds are in the order in which a list of requirements is read. Django is
// told by its manage.py alone.
var pythonKinds = []pythonKind{
	{Name: "streamlit", Title: "Streamlit", Uses: []string{"streamlit"},
		Start: `exec {python} -m streamlit run {file} --server.address 0.0.0.0 --server.port "$PORT" --server.headless true`, Port: 8000, Reloads: true},
	{Name: "chainlit", Title: "Chainlit", Uses: []string{"chainlit"},
		Start: `exec {python} -m chainlit run {file} --host 0.0.0.0 --port "$PORT" --headless`, Port: 8000},
	{Name: "fastapi", Title: "FastAPI", Uses: []string{"fastapi", "uvicorn", "starlette"}, Makes: "FastAPI|Starlette", Needs: "uvicorn", Start: uvicorn, Port: 8000},
	{Name: "litestar", Title: "Litestar", Uses: []string{"litestar"}, Makes: "Litestar", Needs: "uvicorn", Start: uvicorn, Port: 8000},
	{Name: "quart", Title: "Quart", Uses: []string{"quart"}, Makes: "Quart", Needs: "uvicorn", Start: uvicorn, Port: 8000},
	{Name: "flask", Title: "Flask", Uses: []string{"flask"}, Makes: "Flask",
		Start: `exec {python} -m flask --app {module} run --host 0.0.0.0 --port "$PORT"`, Port: 8000},
	{Name: "gradio", Title: "Gradio", Uses: []string{"gradio"},
		Start: `GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT="$PORT" exec {python} {file}`, Port: 7860},
	{Name: "dash", Title: "Dash", Uses: []string{"dash"}, Start: `exec {python} {file}`, Port: 8050, Opens: "PORT, HOST"},
	{Name: "nicegui", Title: "NiceGUI", Uses: []string{"nicegui"}, Start: `exec {python} {file}`, Port: 8080},
}

// plainPython is a file that is run as it is.
var plainPython = pythonKind{Name: "python", Title: "Python", Start: `exec {python} {file}`, Port: 8000, Opens: "PORT"}

// djangoKind is a manage.py. A fresh project allows no host but localhost, and
// takes no form from another: so it gets settings that are its own and these two.
var djangoKind = pythonKind{Name: "django", Title: "Django", Uses: []string{"django"}, Start: `# {python} manage.py runserver, with the preview's address allowed
` + djangoSettings + `{migrate}exec {python} manage.py runserver "0.0.0.0:$PORT"`, Port: 8000, Reloads: true,
	Opens: "settings of its own and ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS"}

// djangoSettings is a command for bash, in the shell of the start.
const djangoSettings = `more=$(mktemp -d) && cat >"$more/siesta_settings.py" <<EOF || exit
from ${DJANGO_SETTINGS_MODULE:-{settings}} import *
ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = [*globals().get("CSRF_TRUSTED_ORIGINS", []), "https://*$__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS"]
EOF
export PYTHONPATH="$more:$PYTHONPATH" DJANGO_SETTINGS_MODULE=siesta_settings
`

// packageOfImport are the packages of the imports that are usual in small apps.
// No other name is installed unasked: anybody may have registered it.
var packageOfImport = map[string]string{
	"aiohttp": "aiohttp", "altair": "altair", "anthropic": "anthropic", "bottle": "bottle", "bs4": "beautifulsoup4", "chainlit": "chainlit", "cv2": "opencv-python-headless",
	"dash": "dash", "django": "django", "dotenv": "python-dotenv", "fastapi": "fastapi", "flask": "flask", "flask_cors": "flask-cors", "flask_login": "flask-login",
	"flask_sqlalchemy": "flask-sqlalchemy", "flask_wtf": "flask-wtf", "gradio": "gradio", "httpx": "httpx", "jinja2": "jinja2", "litestar": "litestar", "markdown": "markdown",
	"matplotlib": "matplotlib", "nicegui": "nicegui", "numpy": "numpy", "openai": "openai", "pandas": "pandas", "PIL": "pillow", "plotly": "plotly", "pydantic": "pydantic",
	"quart": "quart", "requests": "requests", "rest_framework": "djangorestframework", "scipy": "scipy", "seaborn": "seaborn", "sklearn": "scikit-learn", "sqlalchemy": "sqlalchemy",
	"sqlmodel": "sqlmodel", "starlette": "starlette", "streamlit": "streamlit", "tornado": "tornado", "uvicorn": "uvicorn", "websockets": "websockets", "yaml": "pyyaml",
}
