package s3

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"

	"siesta/shared/job"
)

// Limits bound what an archive may unpack to.
type Limits struct {
	Files int   // files; folders too
	File  int64 // bytes of one file
	Total int64 // bytes of all, what is between the files included
}

// DefaultLimits are those of a source archive.
var DefaultLimits = Limits{Files: job.MaxFiles, File: 50 << 20, Total: 500 << 20}

// File is a regular file of an archive, to be read until the next one is asked
// for.
type File struct {
	io.Reader
	Path string // clean and relative
}

// Untar gives the files of a .tar.gz in their order. Folders are left out: they
// are in the paths. An archive that is broken, over the limits, or holds
// anything but files and folders below its root, ends in a *job.InvalidError,
// an r that fails in its error; a File's Reader may be what tells it.
func Untar(r io.Reader, limits Limits) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		u := unpacker{source: source{r: r}, limits: limits, tree: newTree(limits.Files)}
		if err := u.run(yield); err != nil && err != errStopped {
			yield(File{}, u.explain(err))
		}
	}
}

var errStopped = errors.New("the caller has seen enough")

type unpacker struct {
	source source
	limits Limits
	tree   tree
	total  int64
}

func (u *unpacker) run(yield func(File, error) bool) error {
	unzipped, err := gzip.NewReader(&u.source)
	if err != nil {
		return err
	}
	tooLarge := invalid(fmt.Sprintf("unpacks to over %d MB", u.limits.Total>>20))
	bounded := limit(unzipped, u.limits.Total, tooLarge)
	archive := tar.NewReader(bounded)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, bounded) // to the checksum
			return err
		}
		if err != nil {
			return err
		}
		name, err := u.check(header)
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		// A sparse file has more bytes than the archive has for it.
		if u.total += header.Size; u.total > u.limits.Total {
			return tooLarge
		}
		if !yield(File{explained{archive, u}, name}, nil) {
			return errStopped
		}
	}
}

// check returns the clean path of an entry that may be unpacked; "" for one
// that has none.
func (u *unpacker) check(header *tar.Header) (string, error) {
	name := strings.TrimPrefix(header.Name, "./")
	switch header.Typeflag {
	case tar.TypeXGlobalHeader: // git archive's comment
		return "", nil
	case tar.TypeDir:
		if name = strings.TrimSuffix(name, "/"); name == "" || name == "." {
			return "", nil
		}
	case tar.TypeReg:
	default:
		return "", invalid("has " + job.Quote(header.Name) + ", which is a link or a device, not a file or a folder")
	}
	if err := validatePath(name); err != nil {
		return "", err
	}
	if header.Size > u.limits.File {
		return "", invalid(fmt.Sprintf("has %s, which is over %d MB", job.Quote(name), u.limits.File>>20))
	}
	return name, u.tree.add(name, header.Typeflag == tar.TypeDir)
}

func validatePath(name string) error {
	err := job.ValidatePath(name)
	var bad *job.InvalidError
	if errors.As(err, &bad) {
		return invalid(bad.Reason)
	}
	return err
}

// explain tells a broken archive from one that did not arrive.
func (u *unpacker) explain(err error) error {
	switch {
	case u.source.err != nil:
		return fmt.Errorf("read archive: %w", u.source.err)
	case errors.Is(err, job.ErrInvalid):
		return err
	default:
		return invalid("is not a whole .tar.gz")
	}
}

// source remembers how reading ended.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// explained reads a file's content.
type explained struct {
	r io.Reader
	u *unpacker
}

func (e explained) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && err != io.EOF {
		err = e.u.explain(err)
	}
	return n, err
}

// limit returns a reader that fails with err after most bytes of r.
func limit(r io.Reader, most int64, err error) io.Reader {
	return io.MultiReader(io.LimitReader(r, most), &overflow{r, err})
}

// overflow is what follows the last byte that is allowed: nothing, or err.
type overflow struct {
	r   io.Reader
	err error
}

func (o *overflow) Read([]byte) (int, error) {
	if n, err := io.ReadFull(o.r, make([]byte, 1)); n == 0 {
		return 0, err
	}
	return 0, o.err
}

// tree knows what an archive has held so far.
type tree struct {
	most    int
	files   map[string]bool
	folders map[string]bool
}

func newTree(most int) tree {
	return tree{most: most, files: map[string]bool{}, folders: map[string]bool{".": true}}
}

// add notes a file or folder, with the folders above it.
func (t *tree) add(name string, folder bool) error {
	dir := name
	if !folder {
		if t.files[name] {
			return invalid("has " + job.Quote(name) + " twice")
		}
		if t.folders[name] {
			return invalid("has " + job.Quote(name) + " both as a file and as a folder")
		}
		t.files[name] = true
		dir = path.Dir(name)
	}
	for ; !t.folders[dir]; dir = path.Dir(dir) {
		if t.files[dir] {
			return invalid("has " + job.Quote(dir) + " both as a file and as a folder")
		}
		t.folders[dir] = true
	}
	if len(t.files) > t.most || len(t.folders) > t.most+1 {
		return invalid(fmt.Sprintf("has over %d files or folders", t.most))
	}
	return nil
}
