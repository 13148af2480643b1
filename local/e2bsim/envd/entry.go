package envd

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"google.golang.org/protobuf/types/known/timestamppb"

	"siesta/shared/e2b/envd/envdpb"
)

// entry describes a path. A link is described as itself, but for the type and
// the mode, which are its target's.
func (f *filesystem) entry(path string) (*envdpb.EntryInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, rpcError("file not found", err)
	}
	entry := &envdpb.EntryInfo{
		Name: info.Name(), Path: path, Size: info.Size(),
		Type: fileType(info.Mode()), Mode: uint32(info.Mode().Perm()), Permissions: info.Mode().String(),
		ModifiedTime: timestamppb.New(info.ModTime()), Metadata: readMetadata(path),
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		entry.Owner, entry.Group = f.owner(int(stat.Uid), os.Getuid()), f.owner(int(stat.Gid), os.Getgid())
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return entry, nil
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path
	}
	entry.SymlinkTarget, entry.Type, entry.Mode = &target, envdpb.FileType_FILE_TYPE_UNSPECIFIED, 0
	if info, err := os.Stat(target); err == nil {
		entry.Type, entry.Mode = fileType(info.Mode()), uint32(info.Mode().Perm())
	}
	return entry, nil
}

func fileType(mode fs.FileMode) envdpb.FileType {
	switch {
	case mode.IsRegular():
		return envdpb.FileType_FILE_TYPE_FILE
	case mode.IsDir():
		return envdpb.FileType_FILE_TYPE_DIRECTORY
	case mode&fs.ModeSymlink != 0:
		return envdpb.FileType_FILE_TYPE_SYMLINK
	}
	return envdpb.FileType_FILE_TYPE_UNSPECIFIED
}

// owner names an id: there are two users inside.
func (f *filesystem) owner(id, ours int) string {
	switch id {
	case ours:
		return f.config.User
	case 0:
		return "root"
	}
	return strconv.Itoa(id)
}
