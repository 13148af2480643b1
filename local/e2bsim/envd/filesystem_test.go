package envd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

func TestFilesystem(t *testing.T) {
	d := startDaemon(t)
	ctx := t.Context()
	code := func(err error) connect.Code {
		if err == nil {
			return 0
		}
		return connect.CodeOf(err)
	}
	mkdir := func(path string) error {
		_, err := d.files.MakeDir(ctx, connect.NewRequest(&envdpb.MakeDirRequest{Path: path}))
		return err
	}
	stat := func(path string) (*envdpb.EntryInfo, error) {
		resp, err := d.files.Stat(ctx, connect.NewRequest(&envdpb.StatRequest{Path: path}))
		if err != nil {
			return nil, err
		}
		return resp.Msg.GetEntry(), nil
	}
	list := func(path string, depth uint32) (string, error) {
		resp, err := d.files.ListDir(ctx, connect.NewRequest(&envdpb.ListDirRequest{Path: path, Depth: depth}))
		if err != nil {
			return "", err
		}
		var names []string
		for _, e := range resp.Msg.GetEntries() {
			names = append(names, strings.TrimPrefix(e.GetPath(), d.home+"/"))
		}
		return strings.Join(names, " "), nil
	}
	move := func(from, to string) error {
		_, err := d.files.Move(ctx, connect.NewRequest(&envdpb.MoveRequest{Source: from, Destination: to}))
		return err
	}
	remove := func(path string) error {
		_, err := d.files.Remove(ctx, connect.NewRequest(&envdpb.RemoveRequest{Path: path}))
		return err
	}

	if err := mkdir("a/b"); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(d.home, "a/file"), []byte("12345"), 0o640)
	os.Symlink("file", filepath.Join(d.home, "a/link"))
	os.Symlink("a", filepath.Join(d.home, "way"))

	if got := code(mkdir("a/b")); got != connect.CodeAlreadyExists {
		t.Errorf("make it twice: got %v", got)
	}
	if got := code(mkdir("a/file")); got != connect.CodeInvalidArgument {
		t.Errorf("make it over a file: got %v", got)
	}
	e, err := stat("a/file")
	if err != nil || e.GetName() != "file" || e.GetPath() != d.home+"/a/file" || e.GetSize() != 5 || e.GetMode() != 0o640 ||
		e.GetPermissions() != "-rw-r-----" || e.GetOwner() != "user" || e.GetGroup() != "user" || e.GetType() != envdpb.FileType_FILE_TYPE_FILE || e.GetModifiedTime() == nil {
		t.Errorf("stat: got %v, %v", e, err)
	}
	if e, err := stat("a/link"); err != nil || e.GetSymlinkTarget() != d.home+"/a/file" || e.GetType() != envdpb.FileType_FILE_TYPE_FILE {
		t.Errorf("stat of a link: got %v, %v", e, err)
	}
	if _, err := stat("missing"); code(err) != connect.CodeNotFound {
		t.Errorf("stat of nothing: got %v", err)
	}
	for _, c := range []struct {
		path  string
		depth uint32
		want  string
	}{{"", 0, "a way"}, {"", 2, "a a/b a/file a/link way"}, {"way", 1, "way/b way/file way/link"}} {
		if got, err := list(c.path, c.depth); err != nil || got != c.want {
			t.Errorf("list %q to depth %d: got %q, %v; want %q", c.path, c.depth, got, err, c.want)
		}
	}
	if _, err := list("a/file", 1); code(err) != connect.CodeInvalidArgument {
		t.Errorf("list a file: got %v", err)
	}
	if _, err := list("missing", 1); code(err) != connect.CodeNotFound {
		t.Errorf("list nothing: got %v", err)
	}
	if err := move("a/file", "new/place"); err != nil {
		t.Error(err)
	}
	d.wantFile("new/place", "12345")
	if got := code(move("a/file", "x")); got != connect.CodeNotFound {
		t.Errorf("move nothing: got %v", got)
	}
	if err := remove("a"); err != nil {
		t.Error(err)
	}
	if err := remove("a"); err != nil {
		t.Errorf("remove nothing: got %v, want it to be fine", err)
	}
	if got, _ := list("", 1); got != "new way" {
		t.Errorf("after removing: got %q", got)
	}
}
