package job_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
)

var allowed = job.Allowed{Templates: []string{"base", "node"}, SourceBucket: "sources"}

const ids = `"project_id":"0b9a6a5e-6d0c-4a36-9a0b-111111111111","goal":"a page"`

func TestAWholeRequestIsRead(t *testing.T) {
	t.Parallel()
	r, err := job.ParseRequest([]byte(`{"project_id":"0B9A6A5E-6D0C-4A36-9A0B-111111111111","goal":"a page","template":"node","port":8080,
		"source":{"files":{"src/a.txt":"text","logo.png":{"base64":"/wAB"},"old.js":null}},
		"commands":{"install":"","start":"npm start"},"env":{"API_URL":"https://x"}}`), "alice", allowed)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]job.File{"src/a.txt": {Content: []byte("text")}, "logo.png": {Content: []byte{0xff, 0, 1}}, "old.js": {Delete: true}}
	if !reflect.DeepEqual(r.Source.Files, files) {
		t.Errorf("got files %v", r.Source.Files)
	}
	if r.ProjectID != "0b9a6a5e-6d0c-4a36-9a0b-111111111111" || r.Template != "node" || *r.Port != 8080 {
		t.Errorf("got %+v", r)
	}
	if r.Commands.Generate != nil || *r.Commands.Install != "" || *r.Commands.Start != "npm start" {
		t.Errorf("an absent command, an empty one and a given one must differ: %+v", r.Commands)
	}
}

// A form of HTML sends CR LF; a shell takes the CR for a part of a word. What is
// no command is as it was sent.
func TestACommandHasTheLineEndsOfAShell(t *testing.T) {
	t.Parallel()
	r, err := job.ParseRequest([]byte(`{"project_id":"0b9a6a5e-6d0c-4a36-9a0b-111111111111","goal":"a\r\nb","env":{"A":"b\r\nc"},
		"source":{"files":{"a":"b\r\nc"}},
		"commands":{"generate":"a\r\nb","install":"a\rb","check":"a\r\n\r\n","start":"set -e\r\nnpm start"}}`), "alice", allowed)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{*r.Commands.Generate, *r.Commands.Install, *r.Commands.Check, *r.Commands.Start, r.Goal, r.Env["A"], string(r.Source.Files["a"].Content)}
	want := []string{"a\nb", "a\rb", "a\n\n", "set -e\nnpm start", "a\r\nb", "b\r\nc", "b\r\nc"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheDefaultTemplateIsTheFirst(t *testing.T) {
	t.Parallel()
	r, err := job.ParseRequest([]byte(`{`+ids+`}`), "alice", allowed)
	if err != nil || r.Template != "base" {
		t.Errorf("got %q, %v", r.Template, err)
	}
}

func TestBadRequestsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, field string }{
		"not JSON":             {`{`, "body"},
		"an array":             {`[]`, "body"},
		"no UTF-8":             {`{` + ids + `,"source":{"files":{"a` + "\xff" + `":"x","a` + "\xfe" + `":"y"}}}`, "body"},
		"half of a pair":       {`{` + ids + `,"env":{"A":"\ud800"}}`, "body"},
		"no project":           {`{"goal":"x"}`, "project_id"},
		"project no UUID":      {`{"project_id":"p1","goal":"x"}`, "project_id"},
		"no goal":              {`{"project_id":"0b9a6a5e-6d0c-4a36-9a0b-111111111111"}`, "goal"},
		"blank goal":           {`{"project_id":"0b9a6a5e-6d0c-4a36-9a0b-111111111111","goal":"  "}`, "goal"},
		"goal a number":        {`{"project_id":"0b9a6a5e-6d0c-4a36-9a0b-111111111111","goal":7}`, "goal"},
		"NUL in goal":          {`{"project_id":"0b9a6a5e-6d0c-4a36-9a0b-111111111111","goal":"a\u0000b"}`, "goal"},
		"foreign template":     {`{` + ids + `,"template":"other"}`, "template"},
		"port 0":               {`{` + ids + `,"port":0}`, "port"},
		"port too high":        {`{` + ids + `,"port":65536}`, "port"},
		"port of the daemon":   {`{` + ids + `,"port":49983}`, "port"},
		"port a text":          {`{` + ids + `,"port":"80"}`, "port"},
		"previous no UUID":     {`{` + ids + `,"previous_job_id":"x"}`, "previous_job_id"},
		"path out":             {`{` + ids + `,"source":{"files":{"../../etc/x":"y"}}}`, "source.files"},
		"path out, hidden":     {`{` + ids + `,"source":{"files":{"a/../../x":"y"}}}`, "source.files"},
		"path absolute":        {`{` + ids + `,"source":{"files":{"/etc/x":"y"}}}`, "source.files"},
		"path home":            {`{` + ids + `,"source":{"files":{"~/.ssh/x":"y"}}}`, "source.files"},
		"path backslash":       {`{` + ids + `,"source":{"files":{"a\\b":"y"}}}`, "source.files"},
		"path empty":           {`{` + ids + `,"source":{"files":{"":"y"}}}`, "source.files"},
		"path with line break": {`{` + ids + `,"source":{"files":{"a\nb":"y"}}}`, "source.files"},
		"file name too long":   {`{` + ids + `,"source":{"files":{"a/` + strings.Repeat("字", 86) + `":"y"}}}`, "source.files"},
		"folder name too long": {`{` + ids + `,"source":{"files":{"` + strings.Repeat("a", job.MaxName+1) + `/b":null}}}`, "source.files"},
		"file as folder":       {`{` + ids + `,"source":{"files":{"a":"y","a/b":"z"}}}`, "source.files"},
		"file a number":        {`{` + ids + `,"source":{"files":{"a":7}}}`, "source.files"},
		"bad base64":           {`{` + ids + `,"source":{"files":{"a":{"base64":"%"}}}}`, "source.files"},
		"files and archive":    {`{` + ids + `,"source":{"files":{"a":"b"},"archive":"s3://sources/alice/a.tar.gz"}}`, "source"},
		"other bucket":         {`{` + ids + `,"source":{"archive":"s3://other/alice/a.tar.gz"}}`, "source.archive"},
		"other user's archive": {`{` + ids + `,"source":{"archive":"s3://sources/bob/a.tar.gz"}}`, "source.archive"},
		"archive way out":      {`{` + ids + `,"source":{"archive":"s3://sources/alice/../bob/a.tar.gz"}}`, "source.archive"},
		"archive key too long": {`{` + ids + `,"source":{"archive":"s3://sources/alice/` + strings.Repeat("a/", 512) + `a.tar.gz"}}`, "source.archive"},
		"archive no tar.gz":    {`{` + ids + `,"source":{"archive":"s3://sources/alice/a.zip"}}`, "source.archive"},
		"env name":             {`{` + ids + `,"env":{"A B":"x"}}`, "env"},
		"env PORT":             {`{` + ids + `,"env":{"PORT":"1"}}`, "env"},
		"env NUL":              {`{` + ids + `,"env":{"A":"x\u0000"}}`, "env"},
		"env too large":        {`{` + ids + `,"env":{` + largeEnv() + `}}`, "env"},
		"goal too long":        {`{"project_id":"0b9a6a5e-6d0c-4a36-9a0b-111111111111","goal":"` + strings.Repeat("字", job.MaxGoal+1) + `"}`, "goal"},
		"command too long":     {`{` + ids + `,"commands":{"start":"` + strings.Repeat("字", job.MaxCommand+1) + `"}}`, "commands.start"},
		"env value too long":   {`{` + ids + `,"env":{"A":"` + strings.Repeat("字", job.MaxEnvValue+1) + `"}}`, "env"},
		"env pair too long":    {`{` + ids + `,"env":{"` + strings.Repeat("A", job.MaxEnvPair) + `":"x"}}`, "env"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := job.ParseRequest([]byte(c.body), "alice", allowed)
			var invalid *job.InvalidError
			if !errors.As(err, &invalid) || !errors.Is(err, job.ErrInvalid) {
				t.Fatalf("got %v, want an InvalidError", err)
			}
			if invalid.Field != c.field || invalid.Reason == "" {
				t.Errorf("got field %q (%v), want %q", invalid.Field, err, c.field)
			}
		})
	}
}

// The longest name that a file system takes is 255 bytes, of however many
// characters.
func TestTheLongestNameIsTaken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("a", job.MaxName), strings.Repeat("字", job.MaxName/3) + "/b"} {
		if err := job.ValidatePath(name); err != nil {
			t.Error(err)
		}
	}
}

// A request of deep folders is read in about the time that one of as many bytes
// in few folders takes; looking up each folder of each path takes twenty times
// as long.
func TestDeepPathsTakeNoLongerThanLongOnes(t *testing.T) {
	request := func(folders string) []byte {
		var paths []string
		for i := range 3000 {
			paths = append(paths, fmt.Sprintf(`"%04d/%s":""`, i, folders))
		}
		return []byte(`{` + ids + `,"source":{"files":{` + strings.Join(paths, ",") + `}}}`)
	}
	quickest := func(body []byte) time.Duration {
		least := time.Hour
		for range 3 {
			begin := time.Now()
			if _, err := job.ParseRequest(body, "alice", allowed); err != nil {
				t.Fatal(err)
			}
			least = min(least, time.Since(begin))
		}
		return least
	}
	long := quickest(request(strings.Repeat(strings.Repeat("d", 201)+"/", 5) + "a"))
	deep := quickest(request(strings.Repeat("d/", 505) + "a"))
	if deep > 6*long {
		t.Errorf("deep paths took %v, long ones %v", deep, long)
	}
}

// A file that is deleted may make way for a folder of its name; nothing that is
// not in a folder is taken for it.
func TestAFileMayNotBeAFolder(t *testing.T) {
	t.Parallel()
	for files, want := range map[string]string{
		`"a":"","a/b/c":""`:                       `"a" both`,
		`"a/b":"","a/b/c/d":null`:                 `"a/b" both`,
		`"a":"","a!":"","a b":"","a/b":""`:        `"a" both`,
		`"a":null,"a/b":"","a/b/c":""`:            `"a/b" both`,
		`"a":null,"a/b":""`:                       "",
		`"a":"","a!/b":"","a.b":"","ab/c":"x"`:    "",
		`"x/a":"","x/a-b/c":"","x/a.d":"","y":""`: "",
	} {
		_, err := job.ParseRequest([]byte(`{`+ids+`,"source":{"files":{`+files+`}}}`), "alice", allowed)
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.Contains(got, want) {
			t.Errorf("%s: got %v, want %q", files, err, want)
		}
	}
}

// What is no name may be a whole NAME=value: it must reach no log.
func TestABadEnvNameIsNotRepeated(t *testing.T) {
	t.Parallel()
	_, err := job.ParseRequest([]byte(`{`+ids+`,"env":{"TOKEN=hunter2hunter2":""}}`), "alice", allowed)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// alice would be above alice/bob.
func TestAnArchiveNeedsAUserOfItsOwnFolder(t *testing.T) {
	t.Parallel()
	_, err := job.ParseRequest([]byte(`{`+ids+`,"source":{"archive":"s3://sources/alice/bob/a.tar.gz"}}`), "alice/bob", allowed)
	if !errors.Is(err, job.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestAWrongTypeIsToldInJSONsWords(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`null`:                        "body must be a JSON object",
		" \n null":                    "body must be a JSON object",
		`"goal"`:                      "body must be a JSON object",
		`{"project_id":null}`:         "project_id must be a string",
		`{"goal":null}`:               "goal must be a string",
		`{"template":null}`:           "template must be a string",
		`{"port":null}`:               "port must be a whole number",
		`{"previous_job_id":null}`:    "previous_job_id must be a string",
		`{"source":null}`:             "source must be an object",
		`{"source":{"files":null}}`:   "source.files must be an object",
		`{"source":{"archive":null}}`: "source.archive must be a string",
		`{"source":{"files":{"a":{"base64":null}}}}`:  "source.files must hold a text, {\"base64\": text} or null for each path",
		`{"commands":null}`:                           "commands must be an object",
		`{"commands":{"install":null}}`:               "commands.install must be a string",
		`{"env":null}`:                                "env must be an object",
		`{"env":{"A":"x","B":null}}`:                  "env must be a string",
		`{"source":"x"}`:                              "source must be an object",
		`{"source":{"files":[]}}`:                     "source.files must be an object",
		`{"commands":5}`:                              "commands must be an object",
		`{"commands":{"start":[]}}`:                   "commands.start must be a string",
		`{"env":{"A":1}}`:                             "env must be a string",
		`{"port":1.5}`:                                "port must be a whole number",
		`{"port":` + strings.Repeat("9", 1<<20) + `}`: "port must be a whole number",
	} {
		if _, err := job.ParseRequest([]byte(body), "alice", allowed); err == nil || err.Error() != want {
			t.Errorf("%.40s: got %.200v, want %q", body, err, want)
		}
	}
}

func TestAFileSurvivesItsRow(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"text", "", "a\x00b", "\xff\xfe", "<&>\u2028"} {
		data, err := json.Marshal(job.File{Content: []byte(content)})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), `\u0000`) {
			t.Errorf("%q is stored as %s, which jsonb refuses", content, data)
		}
		var back job.File
		if err := json.Unmarshal(data, &back); err != nil || string(back.Content) != content {
			t.Errorf("%q came back as %q (%v)", content, back.Content, err)
		}
	}
}

func TestNewIDIsAnID(t *testing.T) {
	t.Parallel()
	a, b := job.NewID(), job.NewID()
	if !job.IsID(a) || a == b || a[14] != '4' {
		t.Errorf("got %s and %s", a, b)
	}
	for _, s := range []string{"", "x", strings.ToUpper(a), a + "0", strings.ReplaceAll(a, "-", "0")} {
		if job.IsID(s) {
			t.Errorf("%q counts as an id", s)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{` + ids + `,"source":{"files":{"a/b":"c","d":null}},"env":{"A":"b"},"port":1}`))
	f.Add([]byte(`{` + ids + `,"source":{"archive":"s3://sources/alice/a.tar.gz"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := job.ParseRequest(data, "alice", allowed)
		if err != nil {
			if !errors.Is(err, job.ErrInvalid) {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			return
		}
		for name := range r.Source.Files {
			if strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") {
				t.Fatalf("path %q may leave the workspace", name)
			}
		}
		if !strings.HasPrefix(r.Source.Archive+"s3://sources/alice/", "s3://sources/alice/") {
			t.Fatalf("archive %q is not alice's", r.Source.Archive)
		}
	})
}

// largeEnv are nine values, each of them within its bounds.
func largeEnv() string {
	var pairs []string
	for i := range 9 {
		pairs = append(pairs, fmt.Sprintf(`"A%d":%q`, i, strings.Repeat("x", 32_000)))
	}
	return strings.Join(pairs, ",")
}
