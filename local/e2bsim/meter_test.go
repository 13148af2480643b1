package e2bsim_test

import (
	"math"
	"testing"
	"time"
)

func near(got, want float64) bool { return math.Abs(got-want) < 1e-9 }

func TestMeter(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	w.advance(100 * time.Second)
	w.pause(id)
	w.advance(time.Hour)
	w.connect(id)
	w.advance(50 * time.Second)
	info, _ := w.Sandbox(id)
	const rate = 2*0.000014 + 0.5*0.0000045 // 2 vCPU and 512 MiB, a second
	if bill := info.Bill; bill.Seconds != 150 || !near(bill.USD, 150*rate) || bill.UnpausedSeconds != 3750 || !near(bill.UnpausedUSD, 3750*rate) {
		t.Errorf("bill %+v, want 150 s of 3750 s", bill)
	}
	w.expect("DELETE", "/sandboxes/"+id, "", 204)
	other := w.create(durable)
	w.advance(10 * time.Second)
	total := w.Meter()
	if total.Seconds != 160 || total.UnpausedSeconds != 3760 || !near(total.USD, 160*rate) {
		t.Errorf("after a kill of one and 10 s of another: %+v", total)
	}
	w.advance(24 * time.Hour)
	if info, _ = w.Sandbox(other); info.Bill.Seconds != 600 {
		t.Errorf("a sandbox with 600 s to live was billed for %v s", info.Bill.Seconds)
	}
}

func TestPausingIsBilled(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	frozen, release := make(chan struct{}), make(chan struct{})
	w.backend.onFreeze(func() error { close(frozen); <-release; return nil })
	done := make(chan result)
	go func() { done <- w.call("POST", "/sandboxes/"+id+"/pause", "") }()
	<-frozen
	w.advance(30 * time.Second)
	if got := w.state(id); got != "paused" {
		t.Errorf("while pausing get says %s, want paused", got)
	}
	close(release)
	<-done
	w.advance(time.Hour)
	if info, _ := w.Sandbox(id); info.Bill.Seconds != 30 {
		t.Errorf("billed %v s, want the 30 s of pausing", info.Bill.Seconds)
	}
}
