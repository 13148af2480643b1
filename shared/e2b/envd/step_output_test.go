package envd

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// TestStepOutputOfAnyKind: bytes that are no UTF-8, and a line without end, read
// in pieces that cut anywhere.
func TestStepOutputOfAnyKind(t *testing.T) {
	_, c := newDaemon(t, nil)
	start(t, c, Step{Command: `printf '\377\376\0\n'; head -c 100000 /dev/zero | tr '\0' x >&2`})
	finish(t, c)
	var all []byte
	for {
		p, err := c.ReadStep(t.Context(), stepDir, int64(len(all)), 7777)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Output...)
		if p.Next != int64(len(all)) || p.Size != 100_004 {
			t.Fatalf("next %d, size %d after %d bytes", p.Next, p.Size, len(all))
		}
		if len(p.Output) == 0 {
			break
		}
	}
	want := append([]byte{0xff, 0xfe, 0, '\n'}, bytes.Repeat([]byte("x"), 100_000)...)
	if !bytes.Equal(all, want) {
		t.Errorf("got %d bytes, %q...", len(all), all[:min(20, len(all))])
	}
	tail, err := c.TailStep(t.Context(), stepDir, 5)
	if err != nil || string(tail.Output) != "xxxxx" || tail.Next != 100_004 {
		t.Errorf("tail: %+v, %v", tail, err)
	}
}

// TestMuchOutputIsBounded: its beginning and its end are kept, at the offsets that
// they have in all of it.
func TestMuchOutputIsBounded(t *testing.T) {
	d, c := newDaemon(t, nil)
	const all, line, kept = 40_000_000, 8, 8 << 20
	start(t, c, Step{Command: "seq 1000000 5999999; exit 3"})
	if p := finish(t, c); p.Phase != StepExited || p.ExitCode != 3 || p.Size != all {
		t.Fatalf("got %s, exit code %d, size %d", p.Phase, p.ExitCode, p.Size)
	}
	size := int64(0)
	pieces, err := os.ReadDir(d.path(stepDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range pieces {
		info, err := piece.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 2*kept+1<<10 {
		t.Errorf("%d bytes are kept", size)
	}
	var missing []int64 // each offset that was passed over to another
	for offset := int64(0); offset < all; {
		p, err := c.ReadStep(t.Context(), stepDir, offset, maxRead)
		if err != nil || len(p.Output) == 0 {
			t.Fatalf("at %d: %d bytes, %v", offset, len(p.Output), err)
		}
		if p.From != offset {
			missing = append(missing, offset, p.From)
		}
		for i, b := range p.Output {
			at := p.From + int64(i)
			if want := fmt.Sprintf("%d\n", 1_000_000+at/line)[at%line]; b != want {
				t.Fatalf("at %d: got %q, want %q", at, b, want)
			}
		}
		offset = p.Next
	}
	if len(missing) != 2 || missing[0] != kept || all-missing[1] > kept || all-missing[1] < kept-maxRead {
		t.Errorf("left out is %d, want all between the first and the last %d bytes", missing, kept)
	}
	if tail, err := c.TailStep(t.Context(), stepDir, 8); err != nil || string(tail.Output) != "5999999\n" {
		t.Errorf("the end is %q, %v", tail.Output, err)
	}
}

// TestStepThatLeavesSomethingBehind ends, and what that prints is kept too.
func TestStepThatLeavesSomethingBehind(t *testing.T) {
	d, c := newDaemon(t, nil)
	start(t, c, Step{Command: `(until [ -e ../go ]; do sleep 0.01; done; echo late) & echo soon`})
	if p := finish(t, c); p.Phase != StepExited || string(p.Output) != "soon\n" {
		t.Errorf("got %+v", p)
	}
	d.write("go")
	for p := (Progress{}); string(p.Output) != "soon\nlate\n"; {
		var err error
		if p, err = c.ReadStep(t.Context(), stepDir, 0, 100); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheEndOfNoOutput: what has printed nothing yet, or was not started, has an
// end, too.
func TestTheEndOfNoOutput(t *testing.T) {
	_, c := newDaemon(t, nil)
	if p, err := c.TailStep(t.Context(), stepDir, 100); err != nil || p.From != 0 || p.Size != 0 || len(p.Output) != 0 {
		t.Errorf("got %+v, %v", p, err)
	}
}
