package job

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a request.
const (
	MaxGoal     = 20_000  // characters of goal
	MaxCommand  = 8_000   // characters of one command
	MaxFiles    = 10_000  // files in source.files
	MaxPath     = 1_024   // bytes of one path
	MaxName     = 255     // bytes of one file's or folder's name: no file system of Linux takes more
	MaxKey      = 1_024   // bytes of an archive's key: S3 has no longer ones
	MaxEnv      = 100     // environment variables
	MaxEnvValue = 32_768  // characters of one value
	MaxEnvPair  = 131_000 // bytes of one name and its value: no process starts with 128 KiB in one
	MaxEnvTotal = 262_144 // bytes of all names and values: a process cannot start with much more
)

// Defaults and bounds of what a stack decides about its builds.
const (
	DefaultTemplate = "base" // E2B itself has it
	DefaultDeadline = time.Hour
	MinDeadline     = time.Minute
	MaxDeadline     = 24 * time.Hour
)

// FieldBody is the Field of an InvalidError about a request's body as a whole.
const FieldBody = "body"

// Request says what to build. It is the body of POST /api/generation/start and
// the "request" of a build message.
type Request struct {
	ProjectID     string            `json:"project_id"`
	Goal          string            `json:"goal"`
	Template      string            `json:"template,omitempty"`
	Source        Source            `json:"source,omitzero"`
	Commands      Commands          `json:"commands,omitzero"`
	Port          *int              `json:"port,omitempty"` // nil: detected
	Env           map[string]string `json:"env,omitempty"`  // secret values
	PreviousJobID string            `json:"previous_job_id,omitempty"`
	KeepPrevious  bool              `json:"keep_previous,omitempty"` // its sandbox is left alone
}

// Inherit takes over from the request of the version that r starts from what r does
// not say, but for the generator's command: what that wrote is in the code.
func (r *Request) Inherit(from Request) {
	r.Template = cmp.Or(r.Template, from.Template)
	r.Commands.Install = cmp.Or(r.Commands.Install, from.Commands.Install)
	r.Commands.Check = cmp.Or(r.Commands.Check, from.Commands.Check)
	r.Commands.Start = cmp.Or(r.Commands.Start, from.Commands.Start)
	r.Port = cmp.Or(r.Port, from.Port)
}

// Commands are shell commands, run in the workspace. Nil means "detect it",
// empty means "none".
type Commands struct {
	Generate *string `json:"generate,omitempty"`
	Install  *string `json:"install,omitempty"`
	Check    *string `json:"check,omitempty"`
	Start    *string `json:"start,omitempty"`
}

// Allowed is what a stack permits in a request.
type Allowed struct {
	Templates    []string // E2B templates; the first is the default
	SourceBucket string   // bucket that archives may come from; "" permits none
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (r Request) validate(userID string, allowed Allowed) error {
	switch {
	case r.ProjectID == "":
		return invalid("project_id", "is required")
	case !IsID(r.ProjectID):
		return invalid("project_id", "must be a UUID")
	case strings.TrimSpace(r.Goal) == "":
		return invalid("goal", "is required")
	case utf8.RuneCountInString(r.Goal) > MaxGoal:
		return invalid("goal", "is too long")
	case badText(r.Goal):
		return invalid("goal", "must not hold a NUL character")
	case r.Port != nil && (*r.Port < 1 || *r.Port > 65535):
		return invalid("port", "must be between 1 and 65535")
	case r.Port != nil && *r.Port == DaemonPort:
		return invalid("port", "must not be 49983: E2B's own daemon listens there")
	case r.PreviousJobID != "" && !IsID(r.PreviousJobID):
		return invalid("previous_job_id", "must be a UUID")
	case r.PreviousJobID == "" && r.KeepPrevious:
		return invalid("keep_previous", "says nothing without previous_job_id")
	}
	if inherited := r.PreviousJobID != "" && r.Template == ""; !inherited && !slices.Contains(allowed.Templates, r.Template) {
		return invalid("template", "is not one of this service's templates: "+strings.Join(allowed.Templates, ", "))
	}
	if err := r.Source.validate(userID, allowed.SourceBucket); err != nil {
		return err
	}
	if err := r.Commands.validate(); err != nil {
		return err
	}
	return validateEnv(r.Env)
}

func (c Commands) validate() error {
	for _, cmd := range []struct {
		name string
		text *string
	}{{"generate", c.Generate}, {"install", c.Install}, {"check", c.Check}, {"start", c.Start}} {
		if cmd.text == nil {
			continue
		}
		if utf8.RuneCountInString(*cmd.text) > MaxCommand {
			return invalid("commands."+cmd.name, "is too long")
		}
		if badText(*cmd.text) {
			return invalid("commands."+cmd.name, "must not hold a NUL character")
		}
	}
	return nil
}

func validateEnv(env map[string]string) error {
	if len(env) > MaxEnv {
		return invalid("env", "has too many variables")
	}
	total := 0
	for name, value := range env {
		total += len(name) + len(value)
		switch {
		case !envName.MatchString(name): // not quoted: it may hold a value
			return invalid("env", "has a name that is no environment variable: letters, digits and _ make one")
		case name == "PORT" || name == "HOST":
			return invalid("env", "must not set "+name+": use port")
		case len(name)+len(value) > MaxEnvPair:
			return invalid("env", "has a name and value of over 131,000 bytes")
		case utf8.RuneCountInString(value) > MaxEnvValue || badText(value):
			return invalid("env", "has a value for "+name+" that is too long or holds a NUL character")
		}
	}
	if total > MaxEnvTotal {
		return invalid("env", "has over 256 KiB of names and values")
	}
	return nil
}
