package job

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a request.
const (
	MaxGoal     = 20_000  // characters of goal
	MaxCommand  = 8_000   // characters of one command
	MaxFiles    = 10_000  // files in source.files
	MaxPath     = 1_024   // bytes of one path
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
}

// Source is the code to build: files by path, or an archive, or nothing.
type Source struct {
	Files   map[string]File `json:"files,omitempty"`
	Archive string          `json:"archive,omitempty"` // s3://bucket/key.tar.gz
}

// Commands are shell commands, run in the workspace. Nil means "detect it",
// empty means "none".
type Commands struct {
	Generate *string `json:"generate,omitempty"`
	Install  *string `json:"install,omitempty"`
	Check    *string `json:"check,omitempty"`
	Start    *string `json:"start,omitempty"`
}

// File is one file's content; in JSON a string, {"base64": string}, or null
// for a file to delete.
type File struct {
	Content []byte
	Delete  bool
}

// UnmarshalJSON takes the three forms of a file.
func (f *File) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*f = File{Delete: true}
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		*f = File{Content: []byte(text)}
		return nil
	}
	var bin struct {
		Base64 *string `json:"base64"`
	}
	if err := json.Unmarshal(data, &bin); err != nil || bin.Base64 == nil {
		return invalid("source.files", "must hold a text, {\"base64\": text} or null for each path")
	}
	raw, err := base64.StdEncoding.DecodeString(*bin.Base64)
	if err != nil {
		return invalid("source.files", "holds a file whose base64 is malformed")
	}
	*f = File{Content: raw}
	return nil
}

// MarshalJSON writes the form that UnmarshalJSON reads.
func (f File) MarshalJSON() ([]byte, error) {
	switch {
	case f.Delete:
		return []byte("null"), nil
	case utf8.Valid(f.Content) && !bytes.Contains(f.Content, []byte{0}): // jsonb takes no NUL
		return json.Marshal(string(f.Content))
	default:
		return json.Marshal(map[string][]byte{"base64": f.Content})
	}
}

// Allowed is what a stack permits in a request.
type Allowed struct {
	Templates    []string // E2B templates; the first is the default
	SourceBucket string   // bucket that archives may come from; "" permits none
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ParseRequest decodes and validates a request of userID. The error is always
// an *InvalidError. Without a template the request gets the default one.
func ParseRequest(data []byte, userID string, allowed Allowed) (Request, error) {
	var r Request
	if err := json.Unmarshal(data, &r); err != nil {
		return Request{}, decodeError(err)
	}
	r.ProjectID = strings.ToLower(r.ProjectID)
	r.PreviousJobID = strings.ToLower(r.PreviousJobID)
	if r.Template == "" && len(allowed.Templates) > 0 {
		r.Template = allowed.Templates[0]
	}
	if err := r.validate(userID, allowed); err != nil {
		return Request{}, err
	}
	return r, nil
}

func decodeError(err error) error {
	var invalidErr *InvalidError
	var typeErr *json.UnmarshalTypeError
	switch {
	case errors.As(err, &invalidErr):
		return invalidErr
	case errors.As(err, &typeErr) && typeErr.Field != "":
		return invalid(typeErr.Field, "must be "+jsonKind(typeErr.Type))
	default:
		return invalid(FieldBody, "must be a JSON object")
	}
}

// jsonKind is what JSON calls a value of a Go type: the type's own name, and a
// number of any length that does not fit it, are not for those who sent it.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Int:
		return "a whole number"
	default:
		return "an object"
	}
}

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
	}
	if !slices.Contains(allowed.Templates, r.Template) {
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

func (s Source) validate(userID, bucket string) error {
	if len(s.Files) > 0 && s.Archive != "" {
		return invalid("source", "must have files or an archive, not both")
	}
	if len(s.Files) > MaxFiles {
		return invalid("source.files", "has too many files")
	}
	for name := range s.Files {
		if err := ValidatePath(name); err != nil {
			return err
		}
	}
	for name := range s.Files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if f, ok := s.Files[dir]; ok && !f.Delete {
				return invalid("source.files", "has "+Quote(dir)+" both as a file and as a folder")
			}
		}
	}
	if s.Archive == "" {
		return nil
	}
	if bucket == "" {
		return invalid("source.archive", "is not supported by this service: it has no source bucket")
	}
	key, ok := strings.CutPrefix(s.Archive, "s3://"+bucket+"/")
	switch {
	case !ok:
		return invalid("source.archive", "must be an object of the bucket "+bucket)
	case strings.Contains(userID, "/") || !strings.HasPrefix(key, userID+"/") || path.Clean(key) != key || badText(key):
		return invalid("source.archive", "must be below your own prefix")
	case !strings.HasSuffix(key, ".tar.gz") && !strings.HasSuffix(key, ".tgz"):
		return invalid("source.archive", "must be a .tar.gz")
	}
	return nil
}

// ValidatePath says whether name may be written below the workspace: relative,
// clean, without a way out. The error is an *InvalidError.
func ValidatePath(name string) error {
	switch {
	case name == "" || name == ".":
		return invalid("source.files", "has an empty path")
	case len(name) > MaxPath:
		return invalid("source.files", "has a path of over 1024 bytes")
	case badText(name) || strings.ContainsFunc(name, unicode.IsControl):
		return invalid("source.files", "has a path with a control character")
	case strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~") || strings.Contains(name, "\\"):
		return invalid("source.files", "has "+Quote(name)+", which is not relative to the workspace")
	case path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../"):
		return invalid("source.files", "has "+Quote(name)+", which is not a clean path below the workspace")
	}
	return nil
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
