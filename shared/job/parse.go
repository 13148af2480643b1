package job

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// ParseRequest decodes and validates a request of userID. The error is always
// an *InvalidError. Without a template the request gets the default one, unless it
// starts from another version, whose it has then. A command's lines end with a line feed, also where the request has CR LF, as a
// form of HTML sends it: a shell would take the CR for a part of the last word.
func ParseRequest(data []byte, userID string, allowed Allowed) (Request, error) {
	if !IsWholeText(data) {
		return Request{}, invalid(FieldBody, "must be UTF-8, without halves of surrogate pairs")
	}
	r, err := decodeRequest(data)
	if err != nil {
		return Request{}, err
	}
	if r.Template == "" && r.PreviousJobID == "" && len(allowed.Templates) > 0 {
		r.Template = allowed.Templates[0]
	}
	if err := r.validate(userID, allowed); err != nil {
		return Request{}, err
	}
	return r, nil
}

// ParseProlong decodes the body of a resume, which may be empty, and returns whether
// it asks for all of the time awake anew. The error is always an *InvalidError.
func ParseProlong(data []byte) (bool, error) {
	if len(data) == 0 {
		return false, nil
	}
	in := &struct {
		Prolong field[bool] `json:"prolong"`
	}{}
	if err := json.Unmarshal(data, &in); err != nil {
		return false, decodeError(err)
	}
	if in == nil {
		return false, errNoObject
	}
	return in.Prolong.orZero(), nil
}

// wire is a Request in JSON. encoding/json takes null for a field that is not
// there; the contract has null for a file to delete alone. Here null is an error
// of a field, and takes away what a pointer or a map had before.
type wire struct {
	ProjectID     field[string]            `json:"project_id"`
	Goal          field[string]            `json:"goal"`
	Template      field[string]            `json:"template"`
	Source        *wireSource              `json:"source"`
	Commands      *wireCommands            `json:"commands"`
	Port          field[int]               `json:"port"`
	Env           map[string]field[string] `json:"env"`
	PreviousJobID field[string]            `json:"previous_job_id"`
	KeepPrevious  field[bool]              `json:"keep_previous"`
}

type wireSource struct {
	Files   map[string]File `json:"files"`
	Archive field[string]   `json:"archive"`
}

type wireCommands struct {
	Generate field[string] `json:"generate"`
	Install  field[string] `json:"install"`
	Check    field[string] `json:"check"`
	Start    field[string] `json:"start"`
}

// field is nil where a request does not have it.
type field[T any] struct{ value *T }

func (f *field[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return &json.UnmarshalTypeError{Value: "null", Type: reflect.TypeFor[T]()}
	}
	return json.Unmarshal(data, &f.value)
}

func (f field[T]) orZero() (value T) {
	if f.value != nil {
		value = *f.value
	}
	return value
}

func decodeRequest(data []byte) (Request, error) {
	w := &wire{
		Source:   &wireSource{Files: map[string]File{}},
		Commands: &wireCommands{},
		Env:      map[string]field[string]{},
	}
	err := json.Unmarshal(data, &w)
	switch {
	case err != nil:
		return Request{}, decodeError(err)
	case w == nil:
		return Request{}, errNoObject
	case w.Source == nil:
		return Request{}, invalid("source", "must be an object")
	case w.Source.Files == nil:
		return Request{}, invalid("source.files", "must be an object")
	case w.Commands == nil:
		return Request{}, invalid("commands", "must be an object")
	case w.Env == nil:
		return Request{}, invalid("env", "must be an object")
	}
	return w.request(), nil
}

func (w wire) request() Request {
	env := make(map[string]string, len(w.Env))
	for name, value := range w.Env {
		env[name] = value.orZero()
	}
	return Request{
		ProjectID: strings.ToLower(w.ProjectID.orZero()),
		Goal:      w.Goal.orZero(),
		Template:  w.Template.orZero(),
		Source:    Source{Files: w.Source.Files, Archive: w.Source.Archive.orZero()},
		Commands: Commands{
			Generate: command(w.Commands.Generate), Install: command(w.Commands.Install),
			Check: command(w.Commands.Check), Start: command(w.Commands.Start),
		},
		Port:          w.Port.value,
		Env:           env,
		PreviousJobID: strings.ToLower(w.PreviousJobID.orZero()),
		KeepPrevious:  w.KeepPrevious.orZero(),
	}
}

// command is a shell command with the line ends of a shell.
func command(f field[string]) *string {
	if f.value != nil {
		*f.value = strings.ReplaceAll(*f.value, "\r\n", "\n")
	}
	return f.value
}

var errNoObject = invalid(FieldBody, "must be a JSON object")

func decodeError(err error) error {
	var invalidErr *InvalidError
	var typeErr *json.UnmarshalTypeError
	switch {
	case errors.As(err, &invalidErr):
		return invalidErr
	case errors.As(err, &typeErr) && typeErr.Field != "":
		return invalid(typeErr.Field, "must be "+jsonKind(typeErr.Type))
	default:
		return errNoObject
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
	case reflect.Bool:
		return "true or false"
	default:
		return "an object"
	}
}
