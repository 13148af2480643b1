package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// drainTime is how long what runs may go on with an invocation that it has; then
// its machine is taken away.
const drainTime = 5 * time.Second

// deploy makes functions run the binaries of a folder. What has an invocation
// brings it to its end, as in Lambda, unless it takes too long.
func (s *system) deploy(ctx context.Context, from string, names ...string) error {
	for _, name := range names {
		if err := s.link(name, from); err != nil {
			return err
		}
		s.mu.Lock()
		s.behind[name] = true // until none is left
		s.mu.Unlock()
		before := s.processes(name)
		give := time.Now().Add(drainTime)
		for len(before) > 0 && ctx.Err() == nil {
			s.Runtime.Recycle(name)
			now := s.processes(name)
			for number := range before {
				switch {
				case !now[number]:
					delete(before, number)
				case time.Now().After(give):
					s.Runtime.Kill(name, number)
				}
			}
			time.Sleep(5 * time.Millisecond) // nothing tells when one is idle
		}
		s.mu.Lock()
		s.behind[name] = from == s.old
		s.mu.Unlock()
	}
	return ctx.Err()
}

func (s *system) processes(function string) map[int]bool {
	numbers := map[int]bool{}
	for _, p := range s.Runtime.Processes() {
		if p.Function == function {
			numbers[p.Number] = true
		}
	}
	return numbers
}

// migrate brings the database up, or down to a version, step by step.
func (s *system) migrate(ctx context.Context, to int) error {
	for {
		at, err := s.callMigrate(ctx, `{"action":"version"}`)
		if err != nil || at == to {
			return err
		}
		event := `{"action":"up"}`
		if at > to {
			event = fmt.Sprintf(`{"action":"down","from":%d}`, at)
		}
		after, err := s.callMigrate(ctx, event)
		if err != nil {
			return err
		}
		s.say("database: from version %d to %d", at, after)
		if after == at {
			return fmt.Errorf("migrate to %d: the database stays at %d", to, at)
		}
	}
}

func (s *system) callMigrate(ctx context.Context, event string) (version int, err error) {
	answer, failed, err := s.Invoke(ctx, "migrate", []byte(event))
	if err == nil && failed != "" {
		err = fmt.Errorf("%s: %s", failed, answer)
	}
	var told struct{ Version int }
	if err == nil {
		err = json.Unmarshal(answer, &told)
	}
	if err != nil {
		return 0, fmt.Errorf("migrate %s: %w", event, err)
	}
	return told.Version, nil
}
