package envd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

// filesystem implements envd's file system service, but for watching, which is
// not simulated and answers unimplemented.
type filesystem struct {
	envdpb.UnimplementedFilesystemHandler
	config Config
}

func (f *filesystem) resolve(path string) (string, error) {
	resolved, err := f.config.resolve(path)
	if err != nil {
		return "", connect.NewError(connect.CodeInvalidArgument, err)
	}
	return resolved, nil
}

// rpcError gives a file error the code that envd gives it.
func rpcError(what string, err error) error {
	code := connect.CodeInternal
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code = connect.CodeNotFound
	case errors.Is(err, syscall.ELOOP):
		code = connect.CodeFailedPrecondition
	}
	return connect.NewError(code, fmt.Errorf("%s: %w", what, err))
}

// Stat describes one path.
func (f *filesystem) Stat(_ context.Context, req *connect.Request[envdpb.StatRequest]) (*connect.Response[envdpb.StatResponse], error) {
	path, err := f.resolve(req.Msg.GetPath())
	if err != nil {
		return nil, err
	}
	entry, err := f.entry(path)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&envdpb.StatResponse{Entry: entry}), nil
}

// MakeDir makes a directory and its parents.
func (f *filesystem) MakeDir(_ context.Context, req *connect.Request[envdpb.MakeDirRequest]) (*connect.Response[envdpb.MakeDirResponse], error) {
	path, err := f.resolve(req.Msg.GetPath())
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() {
			return nil, connect.NewError(connect.CodeAlreadyExists, fmt.Errorf("directory already exists: %s", path))
		}
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("path already exists but it is not a directory: %s", path))
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, connect.NewError(connect.CodeInternal, fmt.Errorf("error creating directory: %w", err))
	}
	entry, err := f.entry(path)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&envdpb.MakeDirResponse{Entry: entry}), nil
}

// Move renames a path, and makes the directories that lead to its new place.
func (f *filesystem) Move(_ context.Context, req *connect.Request[envdpb.MoveRequest]) (*connect.Response[envdpb.MoveResponse], error) {
	source, err := f.resolve(req.Msg.GetSource())
	if err != nil {
		return nil, err
	}
	destination, err := f.resolve(req.Msg.GetDestination())
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(source); err != nil {
		return nil, rpcError("source file not found", err)
	}
	if err := os.MkdirAll(filepath.Dir(destination), 0o755); err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	if err := os.Rename(source, destination); err != nil {
		return nil, rpcError("error renaming", err)
	}
	entry, err := f.entry(destination)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&envdpb.MoveResponse{Entry: entry}), nil
}

// Remove removes a file or a whole directory.
func (f *filesystem) Remove(_ context.Context, req *connect.Request[envdpb.RemoveRequest]) (*connect.Response[envdpb.RemoveResponse], error) {
	path, err := f.resolve(req.Msg.GetPath())
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(path); err != nil {
		return nil, connect.NewError(connect.CodeInternal, fmt.Errorf("error removing file or directory: %w", err))
	}
	return connect.NewResponse(&envdpb.RemoveResponse{}), nil
}

// ListDir lists a directory, to a depth of 1 unless told otherwise. It follows
// a link to the directory itself, and none below.
func (f *filesystem) ListDir(_ context.Context, req *connect.Request[envdpb.ListDirRequest]) (*connect.Response[envdpb.ListDirResponse], error) {
	path, err := f.resolve(req.Msg.GetPath())
	if err != nil {
		return nil, err
	}
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, rpcError("path not found", err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return nil, rpcError("directory not found", err)
	}
	if !info.IsDir() {
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("path is not a directory: %s", path))
	}
	list := &envdpb.ListDirResponse{}
	depth := max(int(req.Msg.GetDepth()), 1)
	err = filepath.WalkDir(root, func(found string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, found)
		if err = errors.Join(err, relErr); err != nil || rel == "." {
			return err
		}
		entry, err := f.entry(filepath.Join(path, rel))
		if connect.CodeOf(err) == connect.CodeNotFound {
			return nil // gone since the directory was read
		}
		if err != nil {
			return err
		}
		list.Entries = append(list.Entries, entry)
		if d.IsDir() && strings.Count(rel, string(filepath.Separator))+1 >= depth {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return nil, rpcError("error reading directory "+path, err)
	}
	return connect.NewResponse(list), nil
}
