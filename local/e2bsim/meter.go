package e2bsim

import "time"

// Prices are what a second of a running sandbox costs, in USD.
type Prices struct{ PerCPUSecond, PerGiBSecond float64 }

// PublicPrices are those of E2B's pricing page.
var PublicPrices = Prices{PerCPUSecond: 0.000014, PerGiBSecond: 0.0000045}

func (p Prices) perSecond(size Size) float64 {
	return p.PerCPUSecond*float64(size.CPUs) + p.PerGiBSecond*float64(size.MemoryMB)/1024
}

// Bill says what a sandbox, or all of them, cost so far.
type Bill struct {
	// Seconds is the time in running and pausing.
	Seconds float64 `json:"billed_seconds"`
	USD     float64 `json:"usd"`
	// UnpausedSeconds is the time since creation, until the kill or now: what
	// would be billed if nobody had ever paused it.
	UnpausedSeconds float64 `json:"unpaused_seconds"`
	UnpausedUSD     float64 `json:"unpaused_usd"`
}

// bill returns what b cost until now. The caller holds mu.
func (s *Server) bill(b *box) Bill {
	now := s.clock.Now()
	billed, until := b.billed, now
	if b.state.billed() {
		billed += now.Sub(b.since)
	}
	if b.state == StateGone {
		until = b.since
	}
	return s.price(billed, until.Sub(b.createdAt))
}

func (s *Server) price(billed, unpaused time.Duration) Bill {
	rate := s.cfg.Prices.perSecond(s.cfg.Size)
	return Bill{Seconds: billed.Seconds(), USD: billed.Seconds() * rate,
		UnpausedSeconds: unpaused.Seconds(), UnpausedUSD: unpaused.Seconds() * rate}
}

// Meter returns what all sandboxes together cost until now.
func (s *Server) Meter() Bill {
	s.mu.Lock()
	defer s.mu.Unlock()
	var total Bill
	for _, b := range s.boxes {
		one := s.bill(b)
		total.Seconds += one.Seconds
		total.USD += one.USD
		total.UnpausedSeconds += one.UnpausedSeconds
		total.UnpausedUSD += one.UnpausedUSD
	}
	return total
}
