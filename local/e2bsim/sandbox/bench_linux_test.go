package sandbox

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

func BenchmarkStart(b *testing.B) {
	b.Run("bare", func(b *testing.B) { benchmarkStart(b, Config{}) })
	b.Run("memory limit", func(b *testing.B) { benchmarkStart(b, Config{Limits: Limits{Memory: 1 << 30}}) })
	b.Run("network", func(b *testing.B) { benchmarkStart(b, Config{Outbound: true}) })
}

func benchmarkStart(b *testing.B, c Config) {
	thisHost()
	for i := range b.N {
		c.ID, c.Dir = fmt.Sprint("bench", i), b.TempDir()
		s, err := Start(context.Background(), c)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Kill(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkFreezeAndThaw(b *testing.B) {
	for _, bySignal := range []bool{false, true} {
		b.Run(fmt.Sprintf("signal=%t", bySignal), func(b *testing.B) {
			s := startBox(b, "bench", func(c *Config) { c.FreezeBySignal = bySignal })
			for range b.N {
				if err := s.Freeze(); err != nil {
					b.Fatal(err)
				}
				if err := s.Thaw(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIdleMemory reports what one paused sandbox without commands holds:
// its private memory, and its share of what it has in common with others.
func BenchmarkIdleMemory(b *testing.B) {
	const count = 20
	for range b.N {
		var private, proportional int
		for i := range count {
			s := startBox(b, fmt.Sprint("idle", i), nil)
			if err := s.Freeze(); err != nil {
				b.Fatal(err)
			}
			p, q := memoryOf(b, s.cmd.Process.Pid)
			private, proportional = private+p, proportional+q
		}
		b.ReportMetric(float64(private)/count, "private-KiB")
		b.ReportMetric(float64(proportional)/count, "proportional-KiB")
	}
}

func memoryOf(b *testing.B, pid int) (private, proportional int) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		kib, _ := strconv.Atoi(f[1])
		switch f[0] {
		case "Private_Clean:", "Private_Dirty:":
			private += kib
		case "Pss:":
			proportional += kib
		}
	}
	return private, proportional
}
