package job

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Source is the code to build: files by path, or an archive, or nothing.
type Source struct {
	Files   map[string]File `json:"files,omitempty"`
	Archive string          `json:"archive,omitempty"` // s3://bucket/key.tar.gz
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
	if name, both := s.fileAndFolder(); both {
		return invalid("source.files", "has "+Quote(name)+" both as a file and as a folder")
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
	case len(key) > MaxKey:
		return invalid("source.archive", "has a key of over 1024 bytes")
	case !strings.HasSuffix(key, ".tar.gz") && !strings.HasSuffix(key, ".tgz"):
		return invalid("source.archive", "must be a .tar.gz")
	}
	return nil
}

// fileAndFolder finds a path that would have to be both. A file that is deleted
// may make way for a folder. A path may have hundreds of folders: they are not
// looked up one by one, but the paths are sorted.
func (s Source) fileAndFolder() (string, bool) {
	const slash = "\x00" // comes before all else, so that what is in a folder follows its name at once
	names := make([]string, 0, len(s.Files))
	for name := range s.Files {
		names = append(names, strings.ReplaceAll(name, "/", slash))
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if !strings.HasPrefix(names[i], names[i-1]+slash) {
			continue
		}
		if folder := strings.ReplaceAll(names[i-1], slash, "/"); !s.Files[folder].Delete {
			return folder, true
		}
	}
	return "", false
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
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > MaxName {
			return invalid("source.files", "has "+Quote(name)+", in which a name is over 255 bytes")
		}
	}
	return nil
}
