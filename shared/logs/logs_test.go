package logs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/redisserver"
	"siesta/local/s3sim"
	"siesta/local/sqssim"
	"siesta/proof/redistest"
	"siesta/shared/awsenv"
	"siesta/shared/job"
	"siesta/shared/redis"
	"siesta/shared/s3"
)

// fixture is a log in a real Redis, beside an S3.
type fixture struct {
	Reader
	t     *testing.T
	cache *redis.Cache
	store *s3.Store
	j     job.Job
	said  int // lines that it has
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	cache, err := redis.Open(redis.Config{URL: redistest.New(t), CallTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	server := httptest.NewServer(s3sim.New(t.TempDir(), "local"))
	t.Cleanup(server.Close)
	cfg, err := awsenv.Load(sqssim.ClientEnv)
	if err != nil {
		t.Fatal(err)
	}
	store, err := s3.New(cfg, &server.URL).Store("s3://kept/logs")
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{
		Reader: Reader{Live: cache, Archive: store}, t: t, cache: cache, store: store,
		j: job.Job{ID: job.NewID(), UserID: "alice", Status: job.Deps},
	}
}

// say adds n lines to the log, each with its number as text.
func (b *fixture) say(n int) {
	b.t.Helper()
	lines := make([]job.LogLine, n)
	for i := range lines {
		lines[i] = job.LogLine{Time: time.Unix(int64(b.said), 5).UTC(), Source: "stdout", Text: fmt.Sprint(b.said), Phase: "install"}
		b.said++
	}
	if err := b.cache.AppendLogs(b.t.Context(), b.j.ID, lines); err != nil {
		b.t.Fatal(err)
	}
}

// end archives the log; lost: the cache has it no longer.
func (b *fixture) end(lost bool) {
	b.t.Helper()
	if err := Keep(b.t.Context(), b.cache, b.store, b.j); err != nil {
		b.t.Fatal(err)
	}
	b.j.Status = job.Ready
	if lost {
		b.lose()
	}
}

func (b *fixture) lose() {
	b.t.Helper()
	gone := b.j
	gone.Revision, gone.SandboxState, gone.DeletedAt = 1, job.SandboxNone, time.Now()
	if err := b.cache.Erase(b.t.Context(), gone); err != nil {
		b.t.Fatal(err)
	}
}

func (b *fixture) page(after, before string, limit int) job.LogPage {
	b.t.Helper()
	q, err := ParseQuery(after, before, fmt.Sprint(limit))
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := b.Page(b.t.Context(), b.j, q)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(p.Lines) > limit {
		b.t.Fatalf("%d lines, want %d at most", len(p.Lines), limit)
	}
	return p
}

// texts are the numbers of lines.
func texts(lines []job.LogLine) string {
	var all []string
	for _, line := range lines {
		all = append(all, line.Text)
	}
	return strings.Join(all, " ")
}

// upTo is what texts says of the lines from one to before another.
func upTo(from, to int) string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return strings.Join(all, " ")
}

// TestNoLineIsLostOrRepeated: by whatever pages, both ways, of a log that grows, ends
// and leaves the cache meanwhile.
func TestNoLineIsLostOrRepeated(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			b, random := setup(t), rand.New(rand.NewPCG(seed, 1))
			limit := func() int { return 1 + random.IntN(9) }
			var read, earlier []job.LogLine
			next, previous := "", ""
			happen := func() {
				switch n := random.IntN(6); {
				case n < 3 && b.j.Status != job.Ready:
					b.say(random.IntN(12))
				case n == 3 && random.IntN(4) == 0 && b.said > 0 && b.j.Status != job.Ready:
					b.end(random.IntN(2) == 0)
				case n == 4 && b.j.Status == job.Ready:
					b.lose()
				}
			}
			if random.IntN(2) == 0 { // from the middle, both ways
				b.say(1 + random.IntN(30))
				p := b.page("", theEnd, limit())
				next, previous, read = p.Next, p.Previous, p.Lines
				for more := p.More; more; {
					p := b.page("", previous, limit())
					earlier, previous, more = slices.Concat(p.Lines, earlier), p.Previous, p.More
					happen()
				}
				if p := b.page("", previous, 500); len(p.Lines) != 0 || p.More || p.Next != earlierID(earlier, read) {
					t.Errorf("before the first line there is %+v", p)
				}
			}
			for range 60 {
				p := b.page(next, "", limit())
				read, next = append(read, p.Lines...), p.Next
				if more := len(earlier)+len(read) < b.said; p.More != more {
					t.Fatalf("has_more is %v after %d of %d lines", p.More, len(earlier)+len(read), b.said)
				}
				happen()
			}
			for more := true; more; {
				p := b.page(next, "", 500)
				read, next, more = append(read, p.Lines...), p.Next, p.More
			}
			if got, want := texts(slices.Concat(earlier, read)), upTo(0, b.said); got != want {
				t.Fatalf("read %s\nwant %s", got, want)
			}
			// What was read last leads back to all of it.
			var back []job.LogLine
			for p := b.page(next, "", limit()); ; p = b.page("", p.Previous, limit()) {
				back = slices.Concat(p.Lines, back)
				if len(back) > 0 && !p.More || b.said == 0 {
					break
				}
			}
			if got, want := fmt.Sprint(back), fmt.Sprint(slices.Concat(earlier, read)); got != want {
				t.Errorf("back it is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// earlierID is the place before the oldest line.
func earlierID(earlier, read []job.LogLine) string {
	at, _ := parseID(slices.Concat(earlier, read)[0].ID)
	return at.minus().String()
}

// A page tells the very same of a line, wherever it is read.
func TestALineIsTheSameInTheArchive(t *testing.T) {
	b := setup(t)
	b.say(readAtOnce*2 + 1)
	hard := job.LogLine{Time: time.Unix(9, 9).UTC(), Source: "system", Text: "<&> \"\\ \u2028 ü\t\x00", Phase: "checks"}
	if err := b.cache.AppendLogs(t.Context(), b.j.ID, []job.LogLine{hard}); err != nil {
		t.Fatal(err)
	}
	whole := func() (pages []job.LogPage) {
		for p := (job.LogPage{More: true}); p.More; {
			p = b.page(p.Next, "", 499)
			pages = append(pages, p)
		}
		return append(pages, b.page("", theEnd, 7), b.page("", pages[1].Next, 500), b.page(pages[0].Next, "", 500))
	}
	live := whole()
	b.end(true)
	if got := whole(); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", live) {
		t.Errorf("the archive tells\n%+v\nand the cache\n%+v", got, live)
	}
}

// Only the log of a finished job may be in the archive, and one that is nowhere has no
// lines.
func TestALogThatIsNowhereHasNoLines(t *testing.T) {
	b := setup(t)
	b.end(false) // it says nothing, and keeps nothing
	if there, err := b.store.Has(t.Context(), job.LogKey(b.j.UserID, b.j.ID)); there || err != nil {
		t.Errorf("an empty log is kept: %v, %v", there, err)
	}
	if p := b.page("", "", 5); len(p.Lines) != 0 || p.More || p.Next != "" || p.Previous != "" {
		t.Errorf("it has %+v", p)
	}
	b.say(3)
	b.end(true)
	b.j.Status = job.Checks // built on after a crash behind the archive
	if p := b.page("", "", 5); len(p.Lines) != 0 {
		t.Errorf("a job that is under way is told of from the archive: %+v", p)
	}
	b.j.Status = job.Ready
	b.Archive = nil
	if p := b.page("", "", 5); len(p.Lines) != 0 {
		t.Errorf("without an archive it has %+v", p)
	}
}

// A cache that is down takes no finished log away, but is no empty log.
func TestACacheThatIsDown(t *testing.T) {
	b := setup(t)
	b.say(3)
	b.end(false)
	server := redistest.NewServer(t, redisserver.Config{})
	server.Stop()
	down, err := redis.Open(redis.Config{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	b.Live = down
	if p := b.page("", "", 5); texts(p.Lines) != "0 1 2" {
		t.Errorf("got %+v", p)
	}
	q, _ := ParseQuery("", "", "")
	b.j.Status = job.Deps
	if _, err := b.Page(t.Context(), b.j, q); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("under way: %v", err)
	}
	b.j.Status = job.Ready
	if err := b.store.Delete(t.Context(), job.LogKey(b.j.UserID, b.j.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Page(t.Context(), b.j, q); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("not kept: %v", err)
	}
}

// A page of long lines ends early, and says so: Lambda takes 6 MB.
func TestAPageOfLongLinesFits(t *testing.T) {
	b := setup(t)
	lines := make([]job.LogLine, 500)
	for i := range lines {
		lines[i] = job.LogLine{Text: fmt.Sprint(i) + strings.Repeat("<", 2000)}
	}
	if err := b.cache.AppendLogs(t.Context(), b.j.ID, lines); err != nil {
		t.Fatal(err)
	}
	n, pages := 0, 0
	for p := (job.LogPage{More: true}); p.More; pages++ {
		p = b.page(p.Next, "", 500)
		n += len(p.Lines)
		if size := len(p.Lines) * 2000; size > maxText {
			t.Errorf("a page has %d bytes", size)
		}
	}
	if n != len(lines) || pages < 2 {
		t.Errorf("%d lines in %d pages", n, pages)
	}
	if p := b.page("", theEnd, 500); !p.More || !strings.HasPrefix(p.Lines[len(p.Lines)-1].Text, "499<") {
		t.Errorf("the newest are %d lines, more %v", len(p.Lines), p.More)
	}
}

func TestABadQueryIsToldInWords(t *testing.T) {
	for _, bad := range []string{"x", "1", "1-", "-1", "1-1-1", "01-1", "+1-1", "1-18446744073709551616", " 1-1", "1-1\x00", "-", "+", "(1-1", theEnd} {
		if _, err := ParseQuery(bad, "", ""); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("after %q: %v", bad, err)
		}
		if _, err := ParseQuery("", bad, ""); !errors.Is(err, job.ErrInvalid) && bad != theEnd {
			t.Errorf("before %q: %v", bad, err)
		}
	}
	for _, limit := range []string{"0", "501", "-1", "x", "1e2", "9999999999999999999999"} {
		if _, err := ParseQuery("", "", limit); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("limit %q: %v", limit, err)
		}
	}
	if _, err := ParseQuery("1-1", "2-1", ""); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("both cursors: %v", err)
	}
}

// Cursors that nobody was given are good all the same, at both ends, too.
func TestCursorsAtTheEnds(t *testing.T) {
	b := setup(t)
	b.say(3)
	for _, lost := range []bool{false, true} {
		if lost {
			b.end(true)
		}
		for _, c := range []struct{ after, before, want, back string }{
			{"0-0", "", "0 1 2", ""},
			{last.String(), "", "", "0 1 2"},
			{"", last.String(), "0 1 2", ""},
			{"", "0-0", "", "0 1 2"},
		} {
			p := b.page(c.after, c.before, 5)
			if texts(p.Lines) != c.want || p.More {
				t.Errorf("%+v: got %+v", c, p)
			}
			if c.want != "" {
				continue
			}
			if c.after != "" {
				p = b.page("", p.Previous, 5)
			} else {
				p = b.page(p.Next, "", 5)
			}
			if texts(p.Lines) != c.back {
				t.Errorf("%+v: back it is %+v", c, p)
			}
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("1764342000000-0", "")
	f.Add("", "0-18446744073709551615")
	f.Add("", theEnd)
	f.Fuzz(func(t *testing.T, after, before string) {
		q, err := ParseQuery(after, before, "")
		if err != nil {
			return
		}
		if !q.nothing && q.from.compare(q.to) > 0 {
			t.Errorf("from %v to %v", q.from, q.to)
		}
		for _, text := range []string{q.page(nil).Next, q.page(nil).Previous} {
			if _, ok := parseID(text); !ok && text != "" && text != theEnd {
				t.Errorf("an empty page leads to %q", text)
			}
		}
	})
}
