package s3

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"

	"siesta/shared/job"
)

// entry is one header of an archive with its content.
type entry struct {
	tar.Header
	content string
}

func file(name, content string) entry {
	return entry{tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(content))}, content}
}

func special(name string, kind byte) entry {
	return entry{tar.Header{Name: name, Mode: 0o755, Typeflag: kind, Linkname: "/etc/passwd"}, ""}
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	return zip(t, tarred(t, entries...))
}

func tarred(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return zipped.Bytes()
}

// unpack returns the content of each file by path, and how it ended.
func unpack(r io.Reader, limits Limits) (map[string]string, error) {
	files := map[string]string{}
	for f, err := range Untar(r, limits) {
		if err != nil {
			return files, err
		}
		content, err := io.ReadAll(f)
		if err != nil {
			return files, err
		}
		files[f.Path] = string(content)
	}
	return files, nil
}

func TestUntarGivesEveryFile(t *testing.T) {
	comment := entry{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "c0ffee"}}, ""}
	data := archive(t, comment, special("./", tar.TypeDir), special("./src/", tar.TypeDir), special("empty/", tar.TypeDir),
		file("./src/a.txt", "A"), file("src/"+strings.Repeat("long/", 60)+"b.bin", "\x00\xff"))
	want := map[string]string{"src/a.txt": "A", "src/" + strings.Repeat("long/", 60) + "b.bin": "\x00\xff"}
	got, err := unpack(bytes.NewReader(data), DefaultLimits)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}

	for _, err := range Untar(bytes.NewReader(data), DefaultLimits) { // nothing is read
		if err != nil {
			t.Fatal(err)
		}
	}
	for range Untar(bytes.NewReader(data), DefaultLimits) {
		break
	}
}

func TestUntarRefusesWhatDoesNotBelongInAWorkspace(t *testing.T) {
	limits := Limits{Files: 3, File: 1 << 20, Total: 3 << 20}
	mega := strings.Repeat("x", 1<<20)
	good := archive(t, file("a", "A"))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-8] ^= 1 // the checksum
	noise := make([]byte, 1<<20)
	_, _ = rand.Read(noise)
	long := archive(t, file("a", string(noise)))
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"symbolic link", archive(t, special("l", tar.TypeSymlink)), `"l", which is a link`},
		{"hard link", archive(t, file("a", ""), special("l", tar.TypeLink)), "which is a link"},
		{"device", archive(t, special("d", tar.TypeChar)), "or a device"},
		{"pipe", archive(t, special("p", tar.TypeFifo)), "or a device"},
		{"absolute path", archive(t, file("/etc/passwd", "")), "not relative"},
		{"escaping path", archive(t, file("a/../../b", "")), "not a clean path"},
		{"escaping folder", archive(t, special("../d/", tar.TypeDir)), "not a clean path"},
		{"hidden escape", archive(t, file("./../b", "")), "not a clean path"},
		{"long name", archive(t, file("a/"+strings.Repeat("字", 86), "")), "a name is over 255 bytes"},
		{"long folder", archive(t, special(strings.Repeat("d", 256)+"/", tar.TypeDir)), "a name is over 255 bytes"},
		{"the root itself", archive(t, file(".", "")), "an empty path"},
		{"twice", archive(t, file("a", "1"), file("./a", "2")), `"a" twice`},
		{"file below a file", archive(t, file("a", ""), file("a/b/c", "")), `"a" both`},
		{"folder below a file", archive(t, file("a", ""), special("a/b/", tar.TypeDir)), `"a" both`},
		{"file over a folder", archive(t, file("a/b", ""), file("a", "")), `"a" both`},
		{"too many files", archive(t, file("1", ""), file("2", ""), file("3", ""), file("4", "")), "over 3 files"},
		{"too many folders", archive(t, file("1/2/3/4/5", "")), "over 3 files or folders"},
		{"large file", archive(t, file("a", mega+"x")), `"a", which is over 1 MB`},
		{"large in all", archive(t, file("a", mega), file("b", mega), file("c", mega)), "unpacks to over 3 MB"},
		{"large after its end", zip(t, make([]byte, 4<<20)), "unpacks to over 3 MB"},
		{"no gzip", []byte("PK\x03\x04"), "is not a whole .tar.gz"},
		{"no tar", zip(t, []byte(strings.Repeat("text ", 200))), "is not a whole .tar.gz"},
		{"nothing", nil, "is not a whole .tar.gz"},
		{"cut short", good[:len(good)-12], "is not a whole .tar.gz"},
		{"cut in a file", long[:len(long)/2], "is not a whole .tar.gz"},
		{"damaged", flipped, "is not a whole .tar.gz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := unpack(bytes.NewReader(tt.data), limits)
			var invalid *job.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != "source.archive" || !strings.Contains(invalid.Reason, tt.want) {
				t.Errorf("err = %v, want one with %q", err, tt.want)
			}
		})
	}
}

// sparse returns the blocks of a file of size bytes, all of them a hole.
func sparse(t testing.TB, name string, size int) []byte {
	t.Helper()
	records := ""
	for _, kv := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=" + name, fmt.Sprintf("GNU.sparse.realsize=%d", size)} {
		n := len(kv) + 3
		if n >= 10 {
			n = len(kv) + 4
		}
		records += fmt.Sprintf("%d %s\n", n, kv)
	}
	const end = 1024 // the blocks that close an archive
	blocks := tarred(t, file("pax", records), file("data", "0\n"+strings.Repeat("\x00", 510)))
	blocks = blocks[:len(blocks)-end]
	// The first entry becomes the second one's extended header; the type's byte
	// counts in the checksum.
	const kind, checksum = 156, 148
	var sum int
	if _, err := fmt.Sscanf(string(blocks[checksum:checksum+6]), "%o", &sum); err != nil {
		t.Fatal(err)
	}
	copy(blocks[checksum:], fmt.Sprintf("%06o", sum+int('x')-int(blocks[kind])))
	blocks[kind] = 'x'
	return blocks
}

func TestHolesCountAsBytes(t *testing.T) {
	var blocks []byte
	for i := range 4 {
		blocks = append(blocks, sparse(t, fmt.Sprint("f", i), 1<<20)...)
	}
	files, err := unpack(bytes.NewReader(zip(t, blocks)), Limits{Files: 10, File: 1 << 20, Total: 3 << 20})
	if len(files) != 3 || !errors.Is(err, job.ErrInvalid) {
		t.Errorf("got %d files, %v, want 3 and the limit", len(files), err)
	}
}

func TestAnArchiveThatDidNotArriveIsNotCalledBroken(t *testing.T) {
	data := archive(t, file("a", strings.Repeat("some text ", 1000)), file("b", "B"))
	cut := errors.New("connection reset")
	for n := range len(data) {
		r := io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(cut))
		if _, err := unpack(r, DefaultLimits); !errors.Is(err, cut) || errors.Is(err, job.ErrInvalid) {
			t.Fatalf("cut after %d bytes: err = %v", n, err)
		}
	}
}

func TestLimitCountsWhatIsRead(t *testing.T) {
	over := errors.New("over")
	for content, want := range map[string]error{"": nil, "1234": nil, "12345": nil, "123456": over} {
		if _, err := io.ReadAll(limit(strings.NewReader(content), 5, over)); err != want {
			t.Errorf("%d bytes of 5: err = %v, want %v", len(content), err, want)
		}
	}
}

func FuzzUntar(f *testing.F) {
	entries := []entry{file("a", "A"), special("d/", tar.TypeDir), file("d/b", "B"), special("l", tar.TypeSymlink)}
	f.Add(archive(f, entries[:3]...), false)
	f.Add(tarred(f, entries...), true)
	f.Add(sparse(f, "s", 1000), true)
	f.Add([]byte("no archive"), false)
	f.Add([]byte(strings.Repeat("\x00", 1024)), true)
	limits := Limits{Files: 10, File: 1 << 16, Total: 1 << 18}
	f.Fuzz(func(t *testing.T, data []byte, plain bool) {
		if plain { // the fuzzer cannot make a gzip checksum
			data = zip(t, data)
		}
		files, err := unpack(bytes.NewReader(data), limits)
		if err != nil && !errors.Is(err, job.ErrInvalid) {
			t.Errorf("err = %v", err)
		}
		total := 0
		for name, content := range files {
			total += len(content)
			if job.ValidatePath(name) != nil || len(content) > 1<<16 {
				t.Errorf("%q of %d bytes was let through", name, len(content))
			}
		}
		if len(files) > 10 || total > 1<<18 {
			t.Errorf("%d files of %d bytes were let through", len(files), total)
		}
	})
}
