package demo

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"siesta/shared/job"
)

// App is the source of an app.
type App struct {
	folder string
	files  map[string]job.File
}

// leftOut are folders that a build makes anew; those of built too, where there is
// something to build them from.
var (
	leftOut = []string{"node_modules", ".git", ".next", ".venv", "__pycache__"}
	built   = []string{"dist", "build"}
)

// Files are the app's source, by their paths.
func (a App) Files() map[string]job.File { return a.files }

func isLeftOut(folder, name string) bool {
	if slices.Contains(leftOut, name) {
		return true
	}
	_, err := os.Stat(filepath.Join(folder, "package.json"))
	return err == nil && slices.Contains(built, name)
}

// maxApp is what fits into one request, with room for its JSON.
const maxApp = 4 << 20

// ReadApp reads the files of an app's folder.
func ReadApp(folder string) (App, error) {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return App{}, fmt.Errorf("read the app: there is no folder %s", folder)
	}
	files, total := map[string]job.File{}, 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != folder && isLeftOut(filepath.Dir(path), entry.Name()):
			return filepath.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if total += len(content); total > maxApp {
			return fmt.Errorf("%s has over %d MB: use an archive in the source bucket instead", folder, maxApp>>20)
		}
		name, err := filepath.Rel(folder, path)
		files[filepath.ToSlash(name)] = job.File{Content: content}
		return err
	})
	if err != nil {
		return App{}, fmt.Errorf("read the app: %w", err)
	}
	if len(files) == 0 {
		return App{}, fmt.Errorf("read the app: %s has no files", folder)
	}
	return App{folder, files}, nil
}
