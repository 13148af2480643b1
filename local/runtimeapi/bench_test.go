package runtimeapi_test

import (
	"testing"
	"time"

	"siesta/local/runtimeapi"
)

// BenchmarkInvoke is a warm function that echoes: what the local system adds.
func BenchmarkInvoke(b *testing.B) {
	s := start(b, runtimeapi.Function{}, runtimeapi.Options{})
	s.invoke(b, `{}`)
	for b.Loop() {
		s.invoke(b, `{"Text":"x"}`)
	}
}

// BenchmarkColdStart is process start to first answer.
func BenchmarkColdStart(b *testing.B) {
	s := start(b, runtimeapi.Function{}, runtimeapi.Options{})
	var init time.Duration
	for b.Loop() {
		init += s.invoke(b, `{}`).Init
		b.StopTimer()
		for s.Recycle("f") == 0 {
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(init.Microseconds())/float64(b.N), "init-µs/op")
}
