package inplace

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestHalfACopyIsNotTakenForTheWhole(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.shell(`echo a >a; echo b >b; mkdir -p "$keep/files.part/odd"; echo half >"$keep/files.part/a"; chmod 500 "$keep/files.part/odd"`)
	before := p.tree()
	for name, command := range map[string]string{"back": Back(p.workspace, p.keep, ""), "aside": Aside(p.workspace, p.keep), "compare": Compare(p.workspace, p.keep)} {
		p.want(name, command, ExitNoCopy)
	}
	p.same(before, p.tree())
	hash := p.kept()
	p.shell(`rm a; echo c >b`)
	p.want("back", Back(p.workspace, p.keep, hash), 0)
	p.same(before, p.tree())
}

// The copy is of what was there before anything changed, whoever asks again.
func TestAWholeCopyStays(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.shell(`echo a >a`)
	hash := p.kept()
	p.shell(`echo changed >a`)
	if again := p.kept(); again != hash {
		t.Errorf("the hash is %s, was %s", again, hash)
	}
}

func TestATamperedCopyIsSaid(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]string{
		"content": `echo x >"$keep/files/src/a"`, "mode": `chmod 700 "$keep/files/src/a"`, "gone": `rm "$keep/files/src/a"`, "one more": `echo >"$keep/files/src/c"`,
		"a link": `ln -sf b "$keep/files/src/l"`, "a folder": `rmdir "$keep/files/empty"`, "what was installed": `rm -r node_modules`,
	} {
		p := newPlace(t)
		p.shell(`mkdir -p src empty node_modules; echo a >src/a; chmod 644 src/a; ln -s a src/l; echo >src/b`)
		hash := p.kept()
		p.shell(tamper + `; echo changed >src/b`)
		p.want(name, Back(p.workspace, p.keep, hash), ExitDiffers)
		if got := p.shell(`cat src/b`); got != "" {
			t.Errorf("%s: not all is put back: %q", name, got)
		}
	}
}

func TestWhatTheNewerInstalledGoes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.shell(`mkdir -p node_modules/a packages/x/node_modules/b; echo old | tee node_modules/a/v >packages/x/node_modules/b/v; echo >packages/x/p`)
	before, inode := p.tree(), p.shell(`stat -c %i node_modules/a/v`)
	hash := p.kept()
	p.want("aside", Aside(p.workspace, p.keep), 0)
	if left := p.shell(`find . -name node_modules`); left != "" {
		t.Fatalf("left is %s", left)
	}
	p.shell(`mkdir -p node_modules/new packages/x/node_modules packages/x/src/node_modules packages/y/node_modules .venv; echo new >node_modules/new/v; chmod 500 packages/y/node_modules`)
	p.want("aside again", Aside(p.workspace, p.keep), 0)
	p.want("back", Back(p.workspace, p.keep, hash), 0)
	p.same(before, p.tree())
	if now := p.shell(`stat -c %i node_modules/a/v`); now != inode {
		t.Error("what was installed is a copy")
	}
}

// A server that watches the files is not to see what has not changed go and come.
func TestWhatIsTheSameIsNotTouched(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.shell(`mkdir -p src .cache; echo a >src/a; echo b >src/b; echo c >.cache/c`)
	stat := `stat -c '%n %i %z' src/a .cache/c`
	hash, before := p.kept(), p.shell(stat)
	p.shell(`echo changed >src/b; mkdir -p new/.cache`)
	p.want("back", Back(p.workspace, p.keep, hash), 0)
	if after := p.shell(stat); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
	if left := p.shell(`ls; cat src/b`); left != "src\nb" {
		t.Errorf("got %s", left)
	}
}

// Servers such as Django's load a changed file only if it is newer than what they have.
func TestWhatIsPutBackIsNewerThanWhatItReplaces(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.shell(`echo a >a; touch -d 2020-01-01 a`)
	hash := p.kept()
	p.shell(`echo changed >a; cp -p a ../replaced`)
	p.want("back", Back(p.workspace, p.keep, hash), 0)
	if got := p.shell(`cat a; [ ! ../replaced -nt a ] || echo older`); got != "a" {
		t.Errorf("got %s", got)
	}
}

// What kind a thing is may have changed, too.
func TestAFolderInAFilesPlaceGoes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.shell(`mkdir d e; echo x >d/f; echo x >f; ln -s f l; echo x >.cache; echo x >g`)
	before, hash := p.tree(), p.kept()
	p.shell(`rm -r d f l .cache e g; echo x >d; mkdir -p f/sub l/sub .cache/sub; ln -s d e; mkfifo g; mkdir -p new/node_modules new/.next; mkfifo new/pipe; chmod 0 new`)
	p.want("back", Back(p.workspace, p.keep, hash), 0)
	p.same(before, p.tree())
}

func TestStepsOfEarlierJobsEndButTheirServers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	running := map[string]bool{ // whether it is to run on
		"job-a/0-install": false, "job-a/0-start": true, "job-a/0-start-3": true, "job-a/0-start-4b": true, "job-a/1-install-4": false, "job-a/0-start-now": false,
		"job-0/0-base": false, "job-b/0-keep": true,
	}
	begin := func(step, started string) *exec.Cmd {
		cmd := p.command(`sleep 1000 & echo; wait`)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			_, err = out.Read(make([]byte, 1))
		}
		if err != nil {
			t.Fatal(err)
		}
		if started == "" {
			started = fmt.Sprintf(`$(sed 's/.*) //' /proc/%d/stat | cut -d' ' -f20)`, cmd.Process.Pid)
		}
		p.shell(fmt.Sprintf(`mkdir -p "$root/%s"; echo "%d %s" >"$root/%[1]s/pid"`, step, cmd.Process.Pid, started))
		return cmd
	}
	steps := map[string]*exec.Cmd{}
	for step := range running {
		steps[step] = begin(step, "")
	}
	running["job-0/0-another"], steps["job-0/0-another"] = true, begin("job-0/0-another", "1")
	running["job-0/0-ended"], steps["job-0/0-ended"] = true, begin("job-0/0-ended", "") // with what it left
	p.shell(`echo 0 >"$root/job-0/0-ended/exit"; mkdir -p "$root/job-0/keep/files/odd" "$root/job-a/0-code"; echo >"$root/job-0/keep/files/odd/x"; chmod 500 "$root/job-0/keep/files/odd"`)
	p.kept()
	for step, cmd := range steps {
		if alive := p.alive(cmd.Process.Pid); alive != running[step] {
			t.Errorf("%s runs: %v", step, alive)
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
	}
	if left := p.shell(`cd "$root"; ls -d */keep`); left != "job-b/keep" {
		t.Errorf("left are %s", left)
	}
}

// alive reports a process of a session that has not ended.
func (p place) alive(session int) bool {
	p.Helper()
	return p.shell(fmt.Sprintf(`sed 's/.*) //' /proc/[0-9]*/stat 2>/dev/null | awk '$4 == %d && $1 !~ /Z|X/' | head -n 1`, session)) != ""
}

func TestWithoutGNUTarNothingIsKept(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.shell(`mkdir ../bin; printf '#!/bin/bash\necho bsdtar' >../bin/tar; chmod 755 ../bin/tar`)
	p.want("keep", `PATH="$PWD/bin:$PATH"`+"\n"+Keep(p.workspace, p.keep, p.root, p.own), ExitNoTools)
}

// A folder that cannot be read is not one without files.
func TestWhatCannotBeReadIsNotLeftOut(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Log("it cannot be made such that its owner does not read it by other means")
	}
	p := newPlace(t)
	p.shell(`mkdir secret; echo >secret/a; chmod 0 secret`)
	p.want("keep", Keep(p.workspace, p.keep, p.root, p.own), 1)
	p.want("back", Back(p.workspace, p.keep, ""), ExitNoCopy)
	p.shell(`chmod 700 secret`)
}

func TestWhatDecidesAnInstallAndAServer(t *testing.T) {
	t.Parallel()
	const neither, deps, config, both = "false false", "true false", "false true", "true true"
	p := newPlace(t)
	p.shell(`mkdir -p src; echo {} >package.json; echo a >src/App.jsx; echo >vite.config.js; echo A=b >.env`)
	p.kept()
	for change, want := range map[string]string{
		`true`: neither, `echo >>src/App.jsx`: neither, `echo >new.css`: neither, `rm src/App.jsx`: neither,
		`echo >>package.json`: deps, `rm package.json`: deps, `mkdir -p packages/x; echo {} >packages/x/package.json`: deps, `echo >node_modules/a/package.json`: neither,
		`echo >package-lock.json`: deps, `echo >bun.lockb`: deps, `echo >pnpm-lock.yaml`: deps, `echo >.npmrc`: deps, `echo >.yarnrc.yml`: deps, `echo >pnpm-workspace.yaml`: deps,
		`mkdir patches; echo >patches/a.patch`: deps, `mkdir prisma; echo >prisma/schema.prisma`: deps,
		`echo >requirements-dev.txt`: deps, `mkdir back; echo >back/requirements.txt`: deps, `echo >pyproject.toml`: deps, `echo >uv.lock`: deps, `echo >Pipfile.lock`: deps, `echo >setup.cfg`: deps,
		`echo >deno.jsonc`: deps, `echo >Gemfile.lock`: deps, `echo >composer.lock`: deps, `echo >go.sum`: deps, `echo >.nvmrc`: deps, `echo >.python-version`: deps,
		`echo >>vite.config.js`: config, `rm .env`: config, `echo >.env.local`: config, `echo >tsconfig.app.json`: config, `echo >Procfile`: config, `echo >nodemon.json`: config, `echo >.babelrc`: config, `mkdir config; echo >config/routes.rb`: config,
		`mkdir web; echo >web/next.config.mjs`: config, `ln -sf other .env`: config, `echo >>.env; echo >yarn.lock`: both, `mv .env .env.production`: config,
		`mkdir .next; echo >.next/package.json`: neither,
	} {
		p.shell(`rm -rf ./* .[a-z]*; cp -a "$keep/files/." .; mkdir -p node_modules/a` + "\n" + change)
		code, out := p.run(Compare(p.workspace, p.keep))
		gotDeps, gotConfig, ok := Changes(out)
		if got := fmt.Sprint(gotDeps, gotConfig); code != 0 || !ok || got != want {
			t.Errorf("%s: got %s, %v, exit code %d, want %s", change, got, ok, code, want)
		}
	}
}

func TestWhatIsNoOutcomeIsNone(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0a", 32)
	for out, want := range map[string]string{"": "", "x": "", sum[1:] + "\n": "", "0" + sum: "", sum + "\n": sum, "noise\n" + strings.Repeat("f", 64) + "\n" + sum: sum} {
		if got, ok := Hash([]byte(out)); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", out, got, ok)
		}
	}
	for out, want := range map[string]string{"": "false false false", "same": "false false false", "same x": "false false false", "a line\nsame differs\n": "false true true", "differs same": "true false true"} {
		deps, config, ok := Changes([]byte(out))
		if got := fmt.Sprint(deps, config, ok); got != want {
			t.Errorf("%q: got %s, want %s", out, got, want)
		}
	}
}
